# SPDX-License-Identifier: Apache-2.0
"""settings.py OUT: Maven's global settings for this build: the machine's own (mirrors, credentials) and
the proxies that the environment names, because Maven itself does not look there."""
import os
import sys
import urllib.parse
import xml.etree.ElementTree as xml

SPACE = "http://maven.apache.org/SETTINGS/1.0.0"
MACHINE = "/etc/maven/settings.xml"
xml.register_namespace("", SPACE)


def machine_settings():
    try:
        return xml.parse(MACHINE).getroot()
    except (OSError, xml.ParseError):
        return xml.Element(f"{{{SPACE}}}settings")


def child(parent, name):
    space = parent.tag.partition("}")[0] + "}" if parent.tag.startswith("{") else ""
    found = parent.find(space + name)
    return found if found is not None else xml.SubElement(parent, space + name)


def proxy(variable):
    address = os.environ.get(variable) or os.environ.get(variable.upper())
    if not address:
        return None
    url = urllib.parse.urlsplit(address if "://" in address else "http://" + address)
    skipped = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    hosts = ["*" + name if name.startswith(".") else name for name in skipped.split(",") if name]
    fields = {"id": variable, "active": "true", "protocol": variable.partition("_")[0],
              "host": url.hostname, "port": str(url.port or 80), "username": url.username,
              "password": url.password, "nonProxyHosts": "|".join(hosts)}
    return {name: value for name, value in fields.items() if value}


settings = machine_settings()
for name in ("http_proxy", "https_proxy"):
    fields = proxy(name)
    if fields:
        proxies = child(settings, "proxies")
        entry = xml.SubElement(proxies, proxies.tag[:-len("proxies")] + "proxy")
        for key, value in fields.items():
            child(entry, key).text = value
xml.ElementTree(settings).write(sys.argv[1], encoding="utf-8", xml_declaration=True)
