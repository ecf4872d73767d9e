# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Django's static files, and the web process that follows from the installed framework.

installed() { compgen -G "$venv/lib/python3*/site-packages/$1" >/dev/null; }

collect_static() {
  [[ -f manage.py ]] && installed django || return 0
  if [[ ${DISABLE_COLLECTSTATIC:-0} != 0 ]]; then
    detail "collectstatic is off (DISABLE_COLLECTSTATIC)."
    return
  fi
  if python manage.py collectstatic --noinput >"$scratch/static.log" 2>&1 </dev/null; then
    heading "python manage.py collectstatic"
    tail -1 "$scratch/static.log" | indent
  elif grep -q "Unknown command: 'collectstatic'" "$scratch/static.log"; then
    detail "No collectstatic: django.contrib.staticfiles is not in INSTALLED_APPS."
  elif grep -q 'STATIC_ROOT' "$scratch/static.log"; then
    detail "No collectstatic: STATIC_ROOT is not set."
  else
    indent <"$scratch/static.log"
    fail "python manage.py collectstatic failed." \
      "Django's message is above; settings may need a config var that is not set." \
      "Set it, or turn this step off: berth config:set DISABLE_COLLECTSTATIC=1"
  fi
}

# module_with PATTERN: "module:name" for the first file that assigns PATTERN(…) to a name.
module_with() {
  local file name
  for file in main.py app.py server.py wsgi.py asgi.py api.py run.py index.py application.py \
    app/main.py app/__init__.py app/app.py src/main.py src/app.py api/main.py; do
    [[ -f $file ]] || continue
    name=$(sed -nE "s/^([A-Za-z_][A-Za-z0-9_]*)[[:space:]]*(:[^=]*)?=[[:space:]]*([A-Za-z_.]*\.)?($1)\(.*/\1/p" \
      "$file" | head -1)
    [[ -n $name ]] || continue
    file=${file%.py}
    file=${file%/__init__}
    printf '%s:%s' "${file//\//.}" "$name"
    return
  done
}

# factory: "module:create_app()" for Flask's application factory.
factory() {
  local file
  for file in main.py app.py wsgi.py app/__init__.py; do
    [[ -f $file ]] && grep -qE '^def create_app\(' "$file" || continue
    file=${file%.py}
    printf '%s:create_app()' "${file%/__init__}"
    return
  done
}

web() {
  shell_process web true "$1"
  detail "web: $1 ($2)"
}

django_process() {
  local module
  module=$(sed -nE "s/.*DJANGO_SETTINGS_MODULE['\"], *['\"]([A-Za-z0-9_]+)\..*/\1/p" manage.py | head -1)
  if installed gunicorn && [[ -f $module/wsgi.py ]]; then
    web "gunicorn $module.wsgi --bind 0.0.0.0:\$PORT" "Django and gunicorn"
  elif installed uvicorn && [[ -f $module/asgi.py ]]; then
    web "uvicorn $module.asgi:application --host 0.0.0.0 --port \$PORT" "Django and uvicorn"
  else
    warning "Django's development server is used: add gunicorn to the requirements for production."
    web "python manage.py runserver --noreload 0.0.0.0:\$PORT" "Django"
  fi
}

choose_process() {
  local target file
  if [[ -f manage.py ]] && installed django; then
    django_process
    return
  fi
  target=$(module_with 'FastAPI|Starlette|FastHTML|Litestar|Quart')
  if [[ -n $target ]] && installed uvicorn; then
    web "uvicorn $target --host 0.0.0.0 --port \$PORT" "uvicorn"
    return
  elif [[ -n $target ]] && installed hypercorn; then
    web "hypercorn $target --bind 0.0.0.0:\$PORT" "hypercorn"
    return
  fi
  target=$(module_with 'Flask|Bottle|Falcon|App|API')
  [[ -n $target ]] || target=$(factory)
  if [[ -n $target ]] && installed gunicorn; then
    web "gunicorn '$target' --bind 0.0.0.0:\$PORT" "gunicorn"
    return
  elif [[ -n $target ]] && installed flask; then
    warning "Flask's development server is used: add gunicorn to the requirements for production."
    web "flask --app '$target' run --host 0.0.0.0 --port \$PORT" "Flask"
    return
  fi
  for file in main.py app.py server.py start.py run.py bot.py; do
    [[ -f $file ]] || continue
    web "python $file" "start file"
    return
  done
  [[ -f Procfile ]] ||
    fail "Nothing says how to start this app." \
      "No known framework was found, and there is no main.py, app.py or server.py." \
      "Add a Procfile with a line such as web: gunicorn app:app"
}
