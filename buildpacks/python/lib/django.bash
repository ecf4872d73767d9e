# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Django: where the project is, its static files, its process.

installed() { compgen -G "$venv/lib/python3*/site-packages/$1" >/dev/null; }

# find_django: sets django_root, the folder of manage.py: the root, or the only one that has it.
find_django() {
  local found=(*/manage.py)
  django_root=
  installed django || return 1
  if [[ -f manage.py ]]; then
    django_root=.
  elif ((${#found[@]} == 1)); then
    django_root=${found[0]%/manage.py}
  fi
  [[ -n $django_root ]]
}

collect_static() {
  local log=$scratch/static.log
  find_django || return 0
  if [[ ${DISABLE_COLLECTSTATIC:-0} != 0 ]]; then
    detail "collectstatic is off (DISABLE_COLLECTSTATIC)."
    return
  fi
  if (cd "$django_root" && python manage.py collectstatic --noinput) >"$log" 2>&1 </dev/null; then
    heading "python manage.py collectstatic"
    tail -1 "$log" | indent
  elif grep -q "Unknown command: 'collectstatic'" "$log"; then
    detail "No collectstatic: django.contrib.staticfiles is not in INSTALLED_APPS."
  elif grep -qE 'without having set the STATIC_ROOT|STATIC_ROOT setting' "$log"; then
    detail "No collectstatic: STATIC_ROOT is not set."
  else
    indent <"$log"
    explain_collectstatic "$log"
  fi
}

# missing_config_var LOG: the name of the environment variable that the settings did not find.
missing_config_var() {
  local name unset='(environment|env |not (set|defined|found)|missing|required|empty)'
  name=$(sed -nE -e "s/^KeyError: ['\"]([A-Z][A-Z0-9_]*)['\"]$/\1/p" \
    -e 's/.*UndefinedValueError: ([A-Z][A-Z0-9_]*) not found.*/\1/p' \
    -e 's/.*ImproperlyConfigured: (Set the |The )?([A-Z][A-Z0-9_]*) (environment|setting).*/\2/p' \
    -e "s/.*(Error|Exception|Configured): .*\b([A-Z][A-Z0-9]*_[A-Z0-9_]*)\b.*$unset.*/\2/p" \
    "$1" | tail -1)
  case $name in *STATIC_ROOT* | DJANGO_SETTINGS_MODULE) ;; *) printf '%s' "$name" ;; esac
}

explain_collectstatic() {
  local name missing=''
  name=$(missing_config_var "$1")
  [[ -z $name ]] || missing="python manage.py collectstatic failed: the settings need $name.
Builds see the app's config vars, and this one is not set (or empty).
berth config:set $name=…   or turn this step off: berth config:set DISABLE_COLLECTSTATIC=1"
  explain "$1" <<TABLE
$missing

/could not (connect|translate)|Connection refused|OperationalError
python manage.py collectstatic failed: the settings connect to a database.
Builds may not reach it; Django's message is above.
Connect where it is needed, not on import, or: berth config:set DISABLE_COLLECTSTATIC=1

/^(ModuleNotFoundError|ImportError):
?^ModuleNotFoundError: (.*)
?^ImportError: (.*)
python manage.py collectstatic failed: {a module is missing}.
The app imports a package that ${manager_file:-no file} does not list.
Add it and push again.

python manage.py collectstatic failed.
Django's message is above.
Correct it, or turn this step off: berth config:set DISABLE_COLLECTSTATIC=1
TABLE
}

# django_process: the project's package is the one that manage.py takes the settings from.
django_process() {
  local module at=$django_root into='' bind='0.0.0.0:$PORT'
  module=$(sed -nE "s/.*DJANGO_SETTINGS_MODULE['\"], *['\"]([A-Za-z0-9_]+)\..*/\1/p" \
    "$at/manage.py" | head -1)
  [[ $at == . ]] || into="cd $at && "
  if [[ -f $at/$module/wsgi.py ]] && installed gunicorn; then
    web "${into}gunicorn $module.wsgi --bind $bind" "Django and gunicorn"
  elif [[ -f $at/$module/asgi.py ]] && installed uvicorn; then
    web "${into}uvicorn $module.asgi:application --host 0.0.0.0 --port \$PORT" "Django and uvicorn"
  elif [[ -f $at/$module/asgi.py ]] && installed daphne; then
    web "${into}daphne -b 0.0.0.0 -p \$PORT $module.asgi:application" "Django and Daphne"
  elif [[ -f $at/$module/asgi.py ]] && installed hypercorn; then
    web "${into}hypercorn $module.asgi:application --bind $bind" "Django and Hypercorn"
  elif [[ -f $at/$module/wsgi.py ]] && installed waitress; then
    web "${into}waitress-serve --listen=$bind $module.wsgi:application" "Django and Waitress"
  else
    warning "Django's development server is used: add gunicorn to the requirements for production."
    web "${into}python manage.py runserver --noreload $bind" "Django"
  fi
}
