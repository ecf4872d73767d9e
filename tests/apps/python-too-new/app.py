import os

from flask import Flask

app = Flask(__name__)


@app.route("/")
def hello():
    return f"Hello from Flask, {os.environ.get('GREETING', 'no greeting')}\n"
