# SPDX-License-Identifier: Apache-2.0
"""settings.py OUT: Maven's global settings for this build: the machine's own (mirrors, credentials), the
mirror and the proxies that the environment names, because Maven itself does not look there."""
import os
import sys
import urllib.parse
import xml.etree.ElementTree as xml

MACHINE = "/etc/maven/settings.xml"


def machine_settings():
    """Without name spaces: Maven wants bare names, and each of its versions has a space of its own."""
    try:
        root = xml.parse(MACHINE).getroot()
    except (OSError, xml.ParseError):
        return xml.Element("settings")
    root.attrib.clear()
    for element in root.iter():
        if isinstance(element.tag, str):
            element.tag = element.tag.rpartition("}")[2]
    return root


def child(parent, name):
    found = parent.find(name)
    return found if found is not None else xml.SubElement(parent, name)


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


def add(settings, group, name, fields):
    entry = xml.Element(name)
    child(settings, group).insert(0, entry)  # the first that fits counts
    for key, value in fields.items():
        child(entry, key).text = value


def add_mirror(settings, address):
    """The place of every repository; a name and a password in the address become Maven's own entry."""
    url = urllib.parse.urlsplit(address)
    if url.username:
        add(settings, "servers", "server", {
            "id": "environment", "username": urllib.parse.unquote(url.username),
            "password": urllib.parse.unquote(url.password or "")})
    plain = url._replace(netloc=url.netloc.rpartition("@")[2]).geturl()
    add(settings, "mirrors", "mirror", {"id": "environment", "mirrorOf": "*", "url": plain})


settings = machine_settings()
if os.environ.get("MAVEN_MIRROR_URL"):
    add_mirror(settings, os.environ["MAVEN_MIRROR_URL"])
for name in ("http_proxy", "https_proxy"):
    fields = proxy(name)
    if fields:
        add(settings, "proxies", "proxy", fields)
xml.ElementTree(settings).write(sys.argv[1], encoding="utf-8", xml_declaration=True)
