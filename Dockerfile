# The dashboard for a class: docs/class.md says how to run it. Build: docker build -t gan .
FROM python:3.12-slim

# The CPU build: the other one brings 5 GB of CUDA libraries.
COPY requirements.txt /app/
RUN pip install --no-cache-dir uv && uv pip install \
    --system --no-cache --compile-bytecode --torch-backend cpu -r /app/requirements.txt

# The program belongs to root: whoever takes over the server cannot change it.
COPY gan_core /app/gan_core
COPY dashboard /app/dashboard
RUN python -m compileall -q /app

# One volume for saved runs and downloaded datasets.
ENV HOME=/data GAN_RUNS_DIR=/data/runs GAN_DATA_DIR=/data/datasets
RUN useradd --uid 1000 --home-dir /data --create-home learner
USER learner
VOLUME /data
WORKDIR /data

EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8501/_stcore/health', timeout=4)"]
CMD ["streamlit", "run", "/app/dashboard/app.py", "--server.headless=true", "--server.address=0.0.0.0", "--server.port=8501"]
