"""Reads reports as other programs would: reports.py page|csv|rows|text|lines FILE."""
import csv
import html.parser
import sys
import xml.dom.minidom

ACTIVE = {"script", "iframe", "object", "embed", "link", "img", "form", "input", "base", "audio", "video"}


class Page(html.parser.HTMLParser):
    """What a browser's reader sees: elements, attributes, text."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.elements, self.text, self.in_list, self.lines = [], [], False, 0

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag == "h2":
            self.in_list = False
        self.lines += tag == "tr" and self.in_list

    def handle_data(self, data):
        self.text.append(data)
        self.in_list = self.in_list or data == "Certificates" and self.elements[-1][0] == "h2"


def read(path):
    page = Page()
    with open(path, encoding="utf-8", newline="") as f:
        page.feed(f.read())
    return page


def check_page(path):
    with open(path, encoding="utf-8", newline="") as f:
        source = f.read()
    xml.dom.minidom.parseString(source.removeprefix("<!DOCTYPE html>\n"))
    assert not any(ord(c) < 32 and c != "\n" for c in source), "a control character"
    assert "url(" not in source and "@import" not in source, "something from elsewhere"
    assert source.count('<div class="scroll"><table>') == source.count("<table>") > 0, "wider than a telephone"
    policy = False
    for tag, attrs in read(path).elements:
        assert tag not in ACTIVE, tag
        for name, value in attrs.items():
            assert not name.startswith("on") and name not in {"src", "href", "style"}, name
            policy = policy or (value or "").startswith("default-src 'none'")
    assert policy, "the page allows what it does not need"


def check_csv(path):
    with open(path, encoding="utf-8", newline="") as f:
        rows = list(csv.reader(f, strict=True))
    assert len(rows) > 1 and all(len(r) == len(rows[0]) for r in rows), "lines of different length"
    for cell in (c for r in rows for c in r):
        assert cell[:1] not in set("=+-@\t\r"), cell
        assert all(ord(c) >= 32 for c in cell), cell
    return len(rows) - 1


what, file = sys.argv[1:]
if what == "page":
    check_page(file)
elif what == "csv":
    check_csv(file)
elif what == "rows":
    print(check_csv(file))
elif what == "text":
    print("\n".join(read(file).text))
elif what == "lines":
    print(read(file).lines - 1)
