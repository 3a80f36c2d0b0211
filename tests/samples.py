"""A short text of each kind, by name, with the kind it is."""

import json

ROWS = [{"id": i, "name": f"n{i}", "tags": ["a"]} for i in range(5)]
SAMPLES = {
    "json": ("records", json.dumps(ROWS)),
    "pretty json": ("records", json.dumps({"items": ROWS}, indent=2)),
    "json with a byte order mark": ("records", "\ufeff" + json.dumps(ROWS)),
    "json in a string": ("records", json.dumps(json.dumps(ROWS))),
    "json lines": ("records", "\n".join(json.dumps(row) for row in ROWS)),
    "json one after the other": ("records", "".join(json.dumps(row) for row in ROWS)),
    "cut json": ("records", json.dumps(ROWS)[:-9]),
    "python records": ("records", repr(ROWS)),
    "csv": ("tables", "id,name,price\r\n" + "\r\n".join(f"{i},n{i},{i}.5" for i in range(9))),
    "csv with quoted commas": (
        "tables",
        "id,name,note\n" + "\n".join(f'{i},"n, {i}",x' if i % 3 else f"{i},n,x" for i in range(20)),
    ),
    "tsv": ("tables", "id\tname\n" + "\n".join(f"{i}\tn{i}" for i in range(9))),
    "psql": ("tables", " id | name \n----+------\n" + "\n".join(f" {i} | n{i} " for i in range(9))),
    "markdown table": (
        "tables",
        "| id | name |\n|----|------|\n" + "\n".join(f"| {i} | n{i} |" for i in range(9)),
    ),
    "kubectl": (
        "tables",
        "NAME      READY   STATUS    RESTARTS   AGE\n"
        + "\n".join(f"api-{i}     1/1     Running   {i}          {i}d" for i in range(9)),
    ),
    "docker ps": (
        "tables",
        "CONTAINER ID   IMAGE     COMMAND      STATUS\n"
        + "\n".join(f'3f2a9c1e00{i:02}   redis:7   "run"        Up 2 hours' for i in range(9)),
    ),
    "server log": (
        "logs",
        "\n".join(f"2024-01-02 10:00:{i:02} INFO worker {i} took {i} ms" for i in range(30)),
    ),
    "syslog": ("logs", "\n".join(f"Jul  9 10:00:{i:02} host sshd[{i}]: closed" for i in range(30))),
    "access log": (
        "logs",
        "\n".join(
            f'10.0.0.{i} - - [02/Jan/2024:10:00:{i:02} +0000] "GET /a HTTP/1.1" 200 5'
            for i in range(30)
        ),
    ),
    "log of a numbered file": (
        "logs",
        "\n".join(f"app.log.1.2024-01-02_10:00:{i:02} 2024-01-02 up" for i in range(30)),
    ),
    "git log": (
        "logs",
        "\n".join(
            f"commit {i:040x}\nAuthor: A <a@b.c>\nDate:   today\n\n    Say a thing\n\n    Why.\n"
            for i in range(5)
        ),
    ),
    "pytest": (
        "builds",
        "===== test session starts =====\ncollected 3 items\n\ntests/test_a.py ..F   [100%]\n\n"
        "===== FAILURES =====\n____ test_x ____\n    assert 1 == 2\nE   assert 1 == 2\n"
        "===== 1 failed, 2 passed in 0.1s =====\n",
    ),
    "compiler": ("builds", "\n".join(f"src/a.c:{i}:5: error: no member x" for i in range(1, 9))),
    "diff": (
        "diffs",
        "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@ def f\n-a\n+b\n c\n",
    ),
    "commit with diff": (
        "diffs",
        "commit 0123456789\n\n    Say\n\n"
        "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n",
    ),
    "html": ("html", "<!DOCTYPE html>\n<html><body><p>Hello</p></body></html>"),
    "html without a head": ("html", "<div><p>a</p><ul>" + "<li>x</li>\n" * 20 + "</ul></div>"),
    "xml": ("trees", '<?xml version="1.0"?>\n<a>\n' + "<b c='1'>x</b>\n" * 9 + "</a>"),
    "yaml": (
        "trees",
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\nspec:\n  containers:\n  - name: c\n"
        "    image: x:1\n",
    ),
    "snapshot": (
        "snapshots",
        "### Page\n- Page URL: http://x.example\n```yaml\n- generic [ref=e1]:\n"
        + "".join(f'  - link "L{i}" [ref=e{i}] [cursor=pointer]:\n' for i in range(9))
        + "```\n",
    ),
    "grep": ("listing", "\n".join(f"src/a/b.py:{i}:    return {i}" for i in range(9))),
    "paths": ("listing", "\n".join(f"./src/a{i}/b.py" for i in range(9))),
    "drawn tree": ("listing", ".\n" + "\n".join(f"├── file{i}.py" for i in range(9))),
    "numbered code": ("code", "\n".join(f"{i:6}\tx = {i}" for i in range(1, 30))),
    "python": (
        "code",
        "import os\n\n\ndef f(x):\n    if x:\n        return os.name\n    return 1\n",
    ),
    "typescript": (
        "code",
        "import x from 'y';\n\nexport function f(a: number) {\n  const b = a;\n  return b;\n}\n",
    ),
    "markdown": ("prose", "# Title\n\nSome words, and more of them.\n\n## Part\n\n- one\n- two\n"),
    "prose": ("prose", "It was late. Nobody came, and nothing happened.\n\nThen it rained.\n"),
    "changelog": (
        "prose",
        "1.2.0 / 2024-01-02\n==================\n\n  * Fix a thing\n  * Add b\n",
    ),
    "changelog that repeats itself": (
        "prose",
        "\n".join(
            f"1.{i}.0 / 2024-01-02\n=====\n\n  * Fix a thing\n  * Add b\n" for i in range(20)
        ),
    ),
    "pretty json behind a lead-in": (
        "prose",
        "Found some:\n\n" + json.dumps([{"id": i, "ok": True} for i in range(30)], indent=2),
    ),
    "repeated lines": ("repeats", "\n".join(f"{'abcd'[i % 4]} of unit {i}" for i in range(40))),
    "numbered hits": ("prose", "[1] First hit\nSome text of it.\n\n[2] Second hit\nMore text.\n"),
    "xhtml behind an xml line": (
        "html",
        '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE html PUBLIC "x">\n<html>\n<style>\n'
        + "body {\n color: red;\n}\n" * 60
        + "</style><body><p>a</p></body></html>",
    ),
    "csv of two columns": (
        "tables",
        "time,count\n" + "\n".join(f"2015/01/{i:02} 04:00:00,{i}" for i in range(1, 29)),
    ),
    "columns over dashes": (
        "tables",
        "Package    Version\n---------- -------\n"
        + "\n".join(f"name{i}      {i}.0" for i in range(9)),
    ),
    "ps": (
        "tables",
        "USER   PID %CPU %MEM TTY STAT COMMAND\n"
        + "\n".join(f"root {i:5}  0.0  0.{i} ?   S    /bin/worker --n {i}" for i in range(9)),
    ),
    "grep without numbers": (
        "listing",
        "\n".join(f"src/mod{i % 3}.py:    return close({i})" for i in range(12)),
    ),
    "tabs are no table": (
        "code",
        'import x from "./x.js";\nconst f = (a) => {\n'
        + "\tconst b = a + 1;\n\tg(b);\n" * 9
        + "\treturn b;\n};\n",
    ),
    "java under comments": (
        "code",
        "package a;\n\n/** Keeps. */\npublic class A {\n"
        + "".join(
            f"  /**\n   * Returns {i}.\n   * @param n x\n   * @return y\n   */\n"
            f"  public int f{i}(int n) {{\n    return n + {i};\n  }}\n"
            for i in range(12)
        )
        + "}\n",
    ),
    "python of few words": ("code", "import a\n\n\n" + "def f(a):\n    return a\n\n\n" * 9),
    "sql": (
        "code",
        "\n\n".join(
            f"CREATE TABLE t{i} (\n    id bigint,\n    name text,\n    note text\n);"
            for i in range(9)
        ),
    ),
    "kubectl describe": (
        "trees",
        "Name:         a\nStart Time:   Thu, 19 Nov 2026\nContainers:\n"
        + "".join(
            f"  app{i}:\n    Container ID:  x{i}\n    Last State:    Terminated\n"
            f"      Exit Code:   137\n    Mounts:\n      /mnt/{i} from vol (ro)\n"
            for i in range(9)
        ),
    ),
    "yaml with scripts": (
        "trees",
        "jobs:\n"
        + "".join(
            f"  job{i}:\n    steps:\n      - name: a\n        run: |\n          make target{i}\n"
            f"          ./publish.sh --env {i}\n"
            for i in range(12)
        ),
    ),
    "contract": (
        "prose",
        "\n\n".join(
            f"{i}. The seller keeps the records of part {i} for ten years." for i in range(50)
        ),
    ),
    "table in a document": (
        "prose",
        "# Regions\n\nAll of them.\n\n| a | b |\n|---|---|\n"
        + "\n".join(f"| r{i} | {i} |" for i in range(40))
        + "\n\n## Quotas\n\n"
        + "\n".join(f"- Tier {i}: {i} cores" for i in range(40)),
    ),
    "document that shows a diff": (
        "prose",
        "# Moving on\n\nChange this:\n\n```diff\n--- a/x\n"
        "+++ b/x\n@@ -1,2 +1,2 @@\n-a\n+b\n```\n\nThen go.\n",
    ),
    "empty": ("prose", ""),
    "blank": ("prose", " \n\n"),
}
