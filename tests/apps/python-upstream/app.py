import platform

from flask import Flask

app = Flask(__name__)


@app.route("/")
def hello():
    return f"Hello from Python {platform.python_version()}\n"
