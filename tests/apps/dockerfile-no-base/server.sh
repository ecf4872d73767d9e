#!/bin/sh
exec nc -lk "$PORT"
