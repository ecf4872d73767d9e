import bottle

app = bottle.Bottle()


@app.get("/")
def hello():
    return "Hello from Pipenv"
