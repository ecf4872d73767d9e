# SPDX-License-Identifier: Apache-2.0
"""What every benchmark prints: one row a case, a table for people or JSON lines for programs.

A ratio is against the peer or floor measured in the same run; a bar is the ratio not to exceed
(or, with `at_least`, to reach). A case without a peer has neither and is ok once measured.
"""
import json
import sys


class Rows:
    def __init__(self, bench, as_json):
        self.bench = bench
        self.as_json = as_json
        self.rows = []

    def add(self, case, value, unit, ratio=None, bar=None, at_least=False):
        ok = True
        if ratio is not None and bar is not None:
            ok = ratio >= bar if at_least else ratio <= bar
        row = {
            "bench": self.bench,
            "case": case,
            "value": round(value, 3),
            "unit": unit,
            "ratio": None if ratio is None else round(ratio, 3),
            "bar": bar,
            "ok": ok,
        }
        self.rows.append((row, at_least))
        if self.as_json:
            print(json.dumps(row), flush=True)

    def note(self, text):
        """A line for people, kept out of the JSON."""
        print(text, file=sys.stderr if self.as_json else sys.stdout, flush=True)

    def finish(self):
        if self.as_json:
            return
        width = max([len(row["case"]) for row, _ in self.rows] + [4])
        print(f"\n{'case':{width}}  {'value':>12}  {'unit':8}  {'ratio':>7}  {'bar':>8}")
        for row, at_least in self.rows:
            ratio = "" if row["ratio"] is None else f"{row['ratio']:.2f}"
            sign = ">=" if at_least else "<="
            bar = "" if row["bar"] is None else f"{sign} {row['bar']:.2f}"
            verdict = "" if row["bar"] is None else ("ok" if row["ok"] else "MISSED")
            print(f"{row['case']:{width}}  {row['value']:12,.2f}  {row['unit']:8}  {ratio:>7}  "
                  f"{bar:>8}  {verdict}")
