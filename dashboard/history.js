// Streamlit makes an entry in the browser's history each time the address changes. The address holds the settings, and
// Back is for pages: only another page makes an entry.
if (!history.keepsPages) {
  const push = history.pushState.bind(history);
  history.keepsPages = true;
  history.pushState = (state, title, url) => {
    const path = new URL(url, document.baseURI).pathname;
    path === location.pathname ? history.replaceState(state, title, url) : push(state, title, url);
  };
}
