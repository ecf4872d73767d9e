# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# The web process that follows from the installed framework and the file that makes the app.

readonly start_files=(main.py app.py server.py wsgi.py asgi.py api.py run.py index.py application.py
  hello.py app/main.py app/__init__.py app/app.py app/server.py src/main.py src/app.py src/server.py
  src/__init__.py api/main.py api/index.py backend/main.py)

web() {
  shell_process web true "$1"
  detail "web: $1 ($2)"
}

# own_folder FILE: whether FILE imports its neighbours by their bare names, so that its folder is where
# modules are looked for.
own_folder() {
  local neighbour folder=${1%/*}
  [[ $1 == */* && $1 != */__init__.py ]] || return 1
  for neighbour in "$folder"/*.py "$folder"/*/; do
    neighbour=$(basename "$neighbour" .py)
    ! grep -qE "^(from|import) +$neighbour\b" "$1" || return 0
  done
  [[ $folder == src ]] && ! grep -qE '^(from|import) +(src\b|\.)' "$1"
}

# find_app CONSTRUCTORS: sets app_target "module:name" and app_folder for the first start file that
# assigns one of them to a name.
find_app() {
  local file name variable='([A-Za-z_][A-Za-z0-9_]*)' prefix='([A-Za-z_.]*\.)?'
  app_target='' app_folder=''
  for file in "${start_files[@]}"; do
    [[ -f $file ]] || continue
    name=$(sed -nE "s/^$variable[[:space:]]*(,[^=:]*)?(:[^=]*)?=[[:space:]]*$prefix($1)\(.*/\1/p" \
      "$file" | head -1)
    [[ -n $name ]] || continue
    target_of "$file" "$name"
    return
  done
  return 1
}

# find_factory: as find_app, for Flask's application factory.
find_factory() {
  local file
  for file in "${start_files[@]}"; do
    [[ -f $file ]] && grep -qE '^def create_app\(' "$file" || continue
    target_of "$file" 'create_app()'
    return
  done
  return 1
}

target_of() {
  local file=$1
  if own_folder "$file"; then
    app_folder=${file%/*}
    file=${file##*/}
  fi
  file=${file%.py}
  file=${file%/__init__}
  app_target=${file//\//.}:$2
}

asynchronous_process() {
  local into
  find_app 'FastAPI|Starlette|FastHTML|fast_app|Litestar|Quart|BlackSheep' || return 1
  into=${app_folder:+cd $app_folder && }
  if installed uvicorn; then
    web "${into}uvicorn $app_target --host 0.0.0.0 --port \$PORT" uvicorn
  elif installed hypercorn; then
    web "${into}hypercorn $app_target --bind 0.0.0.0:\$PORT" Hypercorn
  elif installed granian; then
    web "${into}granian --interface asgi --host 0.0.0.0 --port \$PORT $app_target" Granian
  elif installed daphne; then
    web "${into}daphne -b 0.0.0.0 -p \$PORT $app_target" Daphne
  elif installed quart; then
    warning "Quart's development server is used: add hypercorn to the requirements for production."
    web "${into}quart --app $app_target run --host 0.0.0.0 --port \$PORT" Quart
  else
    return 1
  fi
}

synchronous_process() {
  local into
  find_app 'Flask|Bottle|Falcon|App|API|APIFlask|OpenAPI|create_app' || find_factory || dash ||
    return 1
  into=${app_folder:+cd $app_folder && }
  if installed gunicorn; then
    web "${into}gunicorn '$app_target' --bind 0.0.0.0:\$PORT" gunicorn
  elif installed waitress; then
    [[ $app_target != *'()' ]] || app_target="--call ${app_target%'()'}"
    web "${into}waitress-serve --listen=0.0.0.0:\$PORT $app_target" Waitress
  elif installed flask; then
    warning "Flask's development server is used: add gunicorn to the requirements for production."
    web "${into}flask --app '$app_target' run --host 0.0.0.0 --port \$PORT" Flask
  else
    return 1
  fi
}

# dash: a Dash app is served through the Flask app that it holds.
dash() {
  installed dash && find_app 'Dash' || return 1
  local name=${app_target#*:}.server
  ! grep -qhE '^server *= *' ./*.py || name=server
  app_target=${app_target%:*}:$name
}

# own_server: frameworks whose program serves a script.
own_server() {
  local file
  if installed streamlit; then
    for file in streamlit_app.py app.py main.py Home.py home.py src/app.py src/main.py app/main.py; do
      [[ -f $file ]] && grep -qE '^(import|from) +streamlit' "$file" || continue
      web "streamlit run $file --server.address 0.0.0.0 --server.port \$PORT --server.headless true" \
        Streamlit
      return
    done
  fi
  if installed gradio; then
    for file in app.py main.py server.py demo.py; do
      [[ -f $file ]] && grep -qE '^(import|from) +gradio' "$file" || continue
      web "GRADIO_SERVER_NAME=0.0.0.0 GRADIO_SERVER_PORT=\$PORT python $file" Gradio
      return
    done
  fi
  if installed sanic && find_app Sanic; then
    web "${app_folder:+cd $app_folder && }sanic $app_target --host 0.0.0.0 --port \$PORT" Sanic
    return
  fi
  return 1
}

start_file() {
  local file packages=(*/__main__.py src/*/__main__.py)
  for file in main.py app.py server.py start.py run.py hello.py src/main.py src/app.py \
    app/main.py api.py; do
    [[ -f $file ]] || continue
    web "python $file" "start file"
    return
  done
  if [[ -n ${fact[script]:-} && -x $venv/bin/${fact[script]:-} ]]; then
    web "${fact[script]}" "the program that pyproject.toml names"
  elif ((${#packages[@]} == 1)); then
    file=${packages[0]%/__main__.py}
    [[ $file != src/* ]] || file="${file#src/}"
    web "$([[ ${packages[0]} != src/* ]] || printf 'PYTHONPATH=src ')python -m $file" \
      "${packages[0]}"
  elif [[ -f bot.py ]]; then
    shell_process worker false "python bot.py"
    detail "worker: python bot.py (it answers no requests; berth ps:scale worker=1 starts it)"
  else
    return 1
  fi
}

choose_process() {
  if [[ -f Procfile ]] && grep -qE '^web[[:space:]]*:' Procfile; then
    return # it says how; the procfile buildpack reads it
  elif find_django; then
    django_process
  else
    asynchronous_process || synchronous_process || own_server || site || start_file || [[ -f Procfile ]] ||
      fail "Nothing says how to start this app." \
        "No known framework was found, and there is no main.py, app.py or server.py." \
        "Add a Procfile with a line such as web: gunicorn app:app"
  fi
}
