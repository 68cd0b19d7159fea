// This text travels with every change of a chart, so it only calls for the module, which is served once.
const source = new URL("app/static/plot_module.js", document.baseURI).href;
export default (component) => import(source).then((module) => module.default(component));
