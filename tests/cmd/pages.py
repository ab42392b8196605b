"""Looks at the pages of a catalog without a browser.

usage: pages.py check FOLDER              each page is well-formed HTML, leads to nothing outside but by https and mailto, and says what the catalog's lines say
       pages.py commands FILE [A=B]...    prints the commands of a page, with A replaced by B
Prints nothing where all is well; otherwise a line for each fault.
"""
import html.parser
import json
import os
import sys

VOID = {'meta', 'link'}
KNOWN = set('html head meta link title style body a nav main h1 h2 p code ul li dl dt dd data time small strong bdi table caption thead tbody tr th td pre script span'.split())
ATTRIBUTES = {
    'html': {'lang'}, 'link': {'rel', 'href'}, 'script': {'src'}, 'meta': {'charset', 'name', 'content', 'http-equiv'}, 'a': {'href', 'rel', 'class'}, 'nav': {'aria-label', 'aria-labelledby', 'class'}, 'main': {'id'},
    'h2': {'id'}, 'p': {'class'}, 'ul': {'class', 'id', 'aria-label'}, 'dd': {'id'}, 'data': {'value', 'title'}, 'time': {'datetime'}, 'strong': {'class'}, 'table': {'class'},
    'th': {'scope'}}


class Page(html.parser.HTMLParser):
    def __init__(self, name, text):
        super().__init__(convert_charrefs=True)
        self.name, self.faults, self.stack, self.links, self.ids, self.headings = name, [], [], [], [], []
        self.text, self.titles, self.commands, self.anchors = [], [], [], []
        self.feed(text)
        self.close()
        if self.stack:
            self.fault(f'{self.stack} is open at the end')
        if self.headings[:1] != ['h1'] or self.headings.count('h1') != 1:
            self.fault('there is not one h1 first')
        for needed in ('title', 'main'):
            if self.titles.count(needed) != 1:
                self.fault(f'there is not one {needed}')

    def fault(self, what):
        self.faults.append(f'{self.name}:{self.getpos()[0]}: {what}')

    def handle_starttag(self, tag, attributes):
        if tag not in KNOWN:
            self.fault(f'element {tag}')
        for name, value in attributes:
            if name not in ATTRIBUTES.get(tag, set()) or value is None:
                self.fault(f'attribute {name} of {tag}')
        if len({name for name, _ in attributes}) != len(attributes):
            self.fault(f'an attribute twice in {tag}')
        values = dict(attributes)
        if tag == 'html' and values.get('lang') != 'en':
            self.fault('no language')
        if tag == 'a':
            self.links.append((values.get('href', ''), values.get('rel', '')))
        if tag in ('link', 'script') and values:
            self.links.append((values.get('href') or values.get('src', ''), ''))
        if 'id' in values:
            if values['id'] in self.ids:
                self.fault(f'id {values["id"]} twice')
            self.ids.append(values['id'])
        if tag in ('h1', 'h2'):
            self.headings.append(tag)
        if tag in ('title', 'main'):
            self.titles.append(tag)
        if tag == 'pre':
            self.commands.append('')
        if tag not in VOID:
            self.stack.append(tag)

    def handle_endtag(self, tag):
        if not self.stack or self.stack.pop() != tag:
            self.fault(f'end of {tag} where it is not open')

    def handle_data(self, data):
        if self.stack and self.stack[-1] in ('style', 'script'):
            return
        self.text.append(data)
        if 'pre' in self.stack:
            self.commands[-1] += data

    def handle_decl(self, declaration):
        if declaration != 'DOCTYPE html' or self.getpos() != (1, 0):
            self.fault(f'declaration {declaration}')

    def handle_comment(self, data):
        self.fault('a comment')

    def handle_pi(self, data):
        self.fault('an instruction')


def read(folder, name):
    return Page(name, open(os.path.join(folder, name), encoding='utf-8', newline='').read())


def check_links(folder, page):
    for href, rel in page.links:
        if href.startswith(('https://', 'mailto:')):
            if rel != 'noreferrer nofollow':
                page.fault(f'a link outside that says rel="{rel}"')
        elif href.startswith('#'):
            if href[1:] not in page.ids:
                page.fault(f'link to {href}, which is not there')
        else:
            path = os.path.normpath(os.path.join(os.path.dirname(page.name), href))
            if ':' in href or path.startswith(('..', '/')) or not os.path.isfile(os.path.join(folder, path)):
                page.fault(f'link to {href}, which is not there')


def strings(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, (list, dict)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from strings(item)


# What the page of a model has of its highest revision: each text as it is, but for these.
PARTS = {'evidence_status', 'source_summary', 'created', 'expires', 'artifacts', 'manifest_signature_route', 'previous_manifest'}


def check_entry(page, entry):
    text = ''.join(page.text)
    wanted = [value for key, value in entry.items() if isinstance(value, str) and key not in PARTS] + list(entry.get('tags', []))
    for item in entry['artifacts']:
        wanted += [item['path'], item['sha256'], f'{item["role"]}, {item["format"]}']
    for item in entry.get('source_summary', []) + entry.get('evidence_status', []):
        wanted += [part for part in ([item.split(' ', 1)[1]] + item.split(' ')[:1] if item in entry.get('source_summary', []) else item.split(' ')) if part != '-']
    wanted += [entry[key].replace('T', ' ').replace('Z', ' UTC') for key in ('created', 'expires') if key in entry]
    wanted += [f'revision {entry["revision"]},', f'{entry["artifact_bytes"]:,}', entry.get('previous_manifest', '')]
    for value in wanted:
        if value not in text:
            page.fault(f'it does not say {value!r}')


def check(folder):
    faults, lines = [], [json.loads(line) for line in open(os.path.join(folder, 'catalog.jsonl'), encoding='utf-8')]
    latest, others = {}, {}
    for entry in lines:
        if entry['model_id'] in latest:
            others.setdefault(entry['model_id'], []).append(latest[entry['model_id']])
        latest[entry['model_id']] = entry
    lists, row, number = [], 0, 1
    ids = list(latest)
    while row < len(ids) or number == 1:
        page = read(folder, 'index.html' if number == 1 else f'index-{number}.html')
        text = ''.join(page.text)
        for model_id in ids[row:row + 500]:
            entry = latest[model_id]
            for value in (model_id, entry['display_name'], entry['license'], entry['architecture'], entry['quantization'], entry['created'][:10]):
                if value not in text:
                    page.fault(f'it does not say {value!r}')
            if (f'manifests/{model_id}/index.html', '') not in page.links:
                page.fault(f'no link to {model_id}')
        lists.append(page)
        row, number = row + 500, number + 1
    withdrawn = [json.loads(line) for line in open(os.path.join(folder, 'withdrawn.jsonl'), encoding='utf-8')]
    for start in range(0, len(withdrawn), 500):
        page = read(folder, 'withdrawn.html' if start == 0 else f'withdrawn-{start // 500 + 1}.html')
        for item in withdrawn[start:start + 500]:
            if any(value not in ''.join(page.text) for value in (item['model_id'], item['reason'], item.get('notice_route', ''))):
                page.fault(f'it does not say all of {item}')
        lists.append(page)
    for model_id, entry in latest.items():
        page = read(folder, f'manifests/{model_id}/index.html')
        text = ''.join(page.text)
        check_entry(page, entry)
        for older in others.get(model_id, [])[-1000:]:
            if f'Revision {older["revision"]}, version {older["version"]}' not in text or older['manifest_sha256'] not in text:
                page.fault(f'it does not list revision {older["revision"]}')
        for item in withdrawn:
            if item['model_id'] == model_id and (f'Revision {item["revision"]}, withdrawn' not in text or item['reason'] not in text or item.get('notice_route', '') not in text):
                page.fault(f'it does not say all of {item}')
        lists.append(page)
    for page in lists:
        check_links(folder, page)
        faults += page.faults
    return faults


def main(action, *rest):
    if action == 'check':
        print('\n'.join(check(rest[0])[:20]), end='')
    elif action == 'commands':
        for block in read(os.path.dirname(rest[0]) or '.', os.path.basename(rest[0])).commands:
            for change in rest[1:]:
                block = block.replace(*change.split('=', 1))
            print(block)
    else:
        sys.exit(__doc__)


main(*sys.argv[1:])
