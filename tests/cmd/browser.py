"""Drives a headless Chromium over a built catalog, through chromedriver and its HTTP (WebDriver).

usage: browser.py test FOLDER PROFILE            prints a line `ok NAME` or `not ok NAME` for each test
       browser.py shoot FOLDER PROFILE OUT PAGE WIDTH HEIGHT light|dark     a picture of a page
FOLDER is a catalog whose models and names are those of test_catalog_browser.sh; PROFILE is an empty folder for the browser.
"""
import base64
import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request

WIDTHS = (320, 360, 1280)


class Browser:
    """One session. Nothing outside this machine is spoken with."""

    def __init__(self, profile):
        environment = dict(os.environ, HOME=profile, TMPDIR=profile, XDG_CONFIG_HOME=profile, XDG_CACHE_HOME=profile)
        for name in ('http_proxy', 'https_proxy', 'HTTP_PROXY', 'HTTPS_PROXY', 'all_proxy', 'ALL_PROXY'):
            environment.pop(name, None)
        self.opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        self.driver = subprocess.Popen(['chromedriver', '--port=0'], env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, start_new_session=True)
        self.base = self.session = None
        try:
            self.begin(profile)
        except BaseException:
            self.close()
            raise

    def begin(self, profile):
        for line in self.driver.stdout:
            found = re.search(r'successfully on port (\d+)', line)
            if found:
                self.base = f'http://127.0.0.1:{found.group(1)}'
                break
        if not self.base:
            raise RuntimeError('chromedriver does not start')
        arguments = ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--disable-quic', '--no-first-run', '--disable-background-networking',
                     '--disable-component-update', '--disable-sync', '--disable-extensions', '--hide-scrollbars', f'--user-data-dir={profile}/profile']
        binary = next(path for path in map(shutil.which, ('chromium', 'chromium-browser')) if path)
        options = {'args': arguments, 'binary': binary}
        wanted = {'browserName': 'chrome', 'goog:chromeOptions': options, 'goog:loggingPrefs': {'browser': 'ALL', 'performance': 'ALL'}}
        self.session = self.call('POST', '/session', {'capabilities': {'alwaysMatch': wanted}})['sessionId']

    def call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data, {'Content-Type': 'application/json'}, method=method)
        try:
            with self.opener.open(request, timeout=120) as answer:
                return json.load(answer)['value']
        except urllib.error.HTTPError as error:
            raise RuntimeError(json.load(error)['value']['message'].splitlines()[0]) from None

    def post(self, path, **body):
        return self.call('POST', f'/session/{self.session}{path}', body)

    def devtools(self, command, **parameters):
        return self.post('/goog/cdp/execute', cmd=command, params=parameters)

    def run(self, script, *arguments):
        return self.post('/execute/sync', script=script, args=list(arguments))

    def open(self, url):
        self.post('/url', url='about:blank')  # so that what is behind # is read again
        self.post('/url', url=url)

    def window(self, width, scheme='light', height=900):
        self.devtools('Emulation.setDeviceMetricsOverride', width=width, height=height, deviceScaleFactor=1, mobile=width < 600)
        self.devtools('Emulation.setEmulatedMedia', features=[{'name': 'prefers-color-scheme', 'value': scheme}])

    def type(self, keys):
        actions = [{'type': kind, 'value': key} for key in keys for kind in ('keyDown', 'keyUp')]
        self.post('/actions', actions=[{'type': 'key', 'id': 'keyboard', 'actions': actions}])

    def log(self, kind):
        return self.post('/se/log', type=kind)

    def shoot(self, path):
        picture = self.devtools('Page.captureScreenshot', format='png')
        with open(path, 'wb') as out:
            out.write(base64.b64decode(picture['data']))

    def close(self):
        with contextlib.suppress(Exception):
            if self.session:
                self.call('DELETE', f'/session/{self.session}')
        self.driver.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.driver.wait(10)


def same(name, wanted, found):
    print(f'ok {name}' if wanted == found else f'not ok {name}\n# expected: {wanted!r}\n# found:    {found!r}', flush=True)


VISIBLE = "return Array.from(document.querySelectorAll('tbody tr')).filter(function (row) { return row.offsetParent !== null; }).map(function (row) { return row.cells[%d].textContent; })"


def test_search(b, url):
    b.window(1280)
    b.open(url + 'index.html')
    every = b.run(VISIBLE % 1)
    same('all models are listed', ['keeper/alpha', 'keeper/beta', 'keeper/hostile', 'keeper/long', 'keeper/zeta'], every)
    same('how many is said', '5 listed', b.run("return document.querySelector('output').textContent"))
    same('it is said aloud', 'polite', b.run("return document.querySelector('output').getAttribute('aria-live')"))
    b.type('/')
    same('/ leads to the search', 'search', b.run('return document.activeElement.id'))
    same('and is not typed', '', b.run('return document.activeElement.value'))
    b.type('ALPHA')
    same('a search finds what it is for', ['keeper/alpha'], b.run(VISIBLE % 1))
    same('hits are counted', '1 of 5 found', b.run("return document.querySelector('output').textContent"))
    same('the address keeps the search', '#q=ALPHA', b.run('return location.hash'))
    b.open(url + 'index.html#q=q8_0%20keeper')
    same('each word has to be there', ['keeper/alpha', 'keeper/hostile', 'keeper/long', 'keeper/zeta'], b.run(VISIBLE % 1))
    b.open(url + 'index.html#q=%E0%A4%A&sort=99')
    same('an address that makes no sense is passed over', every, b.run(VISIBLE % 1))
    b.open(url + 'index.html#q=nothing%20has%20this')
    same('nothing is found', [[], '0 of 5 found'], [b.run(VISIBLE % 1), b.run("return document.querySelector('output').textContent")])


def press(b, column):
    b.run("document.querySelectorAll('thead button')[arguments[0]].focus()", column)
    b.type('\ue007')  # Enter


def test_sort(b, url):
    b.window(1280)
    b.open(url + 'index.html')
    press(b, 5)
    same('parameters sort as numbers, what is not said comes last', ['keeper/alpha', 'keeper/long', 'keeper/hostile', 'keeper/zeta', 'keeper/beta'], b.run(VISIBLE % 1))
    same('the column says so', ['ascending', 1], b.run("var on = document.querySelectorAll('[aria-sort]'); return [on[0].getAttribute('aria-sort'), on.length]"))
    press(b, 5)
    same('and down', ['keeper/zeta', 'keeper/hostile', 'keeper/long', 'keeper/alpha', 'keeper/beta'], b.run(VISIBLE % 1))
    same('the column says that too', 'descending', b.run("return document.querySelector('[aria-sort]').getAttribute('aria-sort')"))
    same('the address keeps the order', '#sort=-5', b.run('return location.hash'))
    b.open(url + 'index.html#sort=-5')
    same('and gives it back', ['keeper/zeta', 'keeper/hostile', 'keeper/long', 'keeper/alpha', 'keeper/beta'], b.run(VISIBLE % 1))
    press(b, 2)
    same('revisions sort as numbers', ['1', '1', '1', '2', '10'], [re.match(r'\d+', text).group() for text in b.run(VISIBLE % 2)])
    press(b, 9)
    same('times sort', sorted(b.run(VISIBLE % 9)), b.run(VISIBLE % 9))


OVERFLOW = '''return Array.from(document.body.querySelectorAll('*')).filter(function (element) {
    var box = element.getBoundingClientRect();
    return box.width > 0 && box.right > innerWidth + 0.5 && box.left >= 0;
}).map(function (element) { return element.tagName + ' ' + element.textContent.slice(0, 40); }).slice(0, 3).concat(
    document.documentElement.scrollWidth > innerWidth ? ['the page is ' + document.documentElement.scrollWidth] : [])'''

# Contrast of each text with what is behind it, at least 4.5 (WCAG 2.2, 1.4.3).
CONTRAST = '''function part(c) { c /= 255; return c > 0.04045 ? Math.pow((c + 0.055) / 1.055, 2.4) : c / 12.92; }
function light(c) { return 0.2126 * part(c[0]) + 0.7152 * part(c[1]) + 0.0722 * part(c[2]); }
function colour(text) { return text.match(/[\\d.]+/g).map(Number); }
var faults = [];
document.querySelectorAll('body *').forEach(function (element) {
    if (!element.offsetParent || !Array.from(element.childNodes).some(function (n) { return n.nodeType === 3 && n.data.trim(); })) return;
    for (var at = element, behind; at; at = at.parentElement) {
        behind = colour(getComputedStyle(at).backgroundColor);
        if (behind.length === 3 || behind[3] === 1) break;
    }
    var a = light(colour(getComputedStyle(element).color)), b = light(behind), ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (4.5 > ratio) faults.push(element.tagName + ' ' + ratio.toFixed(2) + ' ' + element.textContent.slice(0, 30));
});
return faults.slice(0, 3)'''


def test_layout(b, url, pages):
    for width in WIDTHS:
        for scheme in ('light', 'dark'):
            wide, pale, paper = [], [], set()
            for page in pages:
                b.window(width, scheme)
                b.open(url + page)
                wide += [f'{page}: {what}' for what in b.run(OVERFLOW)]
                pale += [f'{page}: {what}' for what in b.run(CONTRAST)]
                paper.add(b.run('return getComputedStyle(document.body).backgroundColor'))
            same(f'{width} pixels, {scheme}: nothing is wider than the window', [], wide)
            same(f'{width} pixels, {scheme}: all text stands out', [], pale)
            dark = [sum(map(int, re.findall(r'\d+', colour)[:3])) < 384 for colour in paper]
            same(f'{width} pixels, {scheme}: the paper is {scheme}', [scheme == 'dark'], dark)


def test_keyboard(b, url):
    for width, page in ((320, 'index.html'), (1280, 'index.html'), (320, 'manifests/keeper/alpha/index.html')):
        b.window(width)
        b.open(url + page)
        wanted = b.run("return document.querySelectorAll('a[href],button,input').length")
        reached, hidden = set(), []
        for _ in range(wanted):
            b.type('\ue004')  # Tab
            at, seen, ring, text = b.run('''var e = document.activeElement, box = e.getBoundingClientRect();
                return [Array.from(document.querySelectorAll('a[href],button,input')).indexOf(e), box.width > 0 && box.right > 0 && box.left < innerWidth && box.bottom > 0 && box.top < innerHeight,
                        getComputedStyle(e).outlineStyle !== 'none', e.textContent]''')
            reached.add(at)
            if not (seen and ring):
                hidden.append(text)
        same(f'{width} pixels: the keyboard reaches all of {page}', [wanted, []], [len(reached - {-1}), hidden])


ELEMENTS = '''return [document.querySelectorAll('script').length, document.querySelectorAll('img,svg,iframe,link:not([rel=stylesheet][href="../../../page.css"]),object,base,form,h1 ~ h1').length,
    document.querySelectorAll('[onclick],[onerror],[onload],[onmouseover],[style]').length, document.title, window.owned === undefined]'''


def test_hostile(b, url):
    b.window(1280)
    b.open(url + 'manifests/keeper/hostile/index.html')
    name = '<script>owned=1</script><img src=x onerror=owned=1>"\' onmouseover=owned=1 &lt; </h1>'
    same('a hostile name is text', name, b.run("return document.querySelector('h1').textContent"))
    same('no element and no script comes of it', [1, 0, 0, 'keeper/hostile: ' + name, True], b.run(ELEMENTS))
    same('the style beside index.html is in force', '992px', b.run('return getComputedStyle(document.body).maxWidth'))
    text = b.run('return document.body.textContent')
    for what in ('"><svg onload=owned=1> \\ </bdi>', "https://example.org/a'b&(c)"):
        same(f'text stays text: {what}', True, what in text)
    same('links lead where they say', True, b.run('''return Array.from(document.links).every(function (a) {
        return a.protocol === 'file:' || ((a.protocol === 'https:' || a.protocol === 'mailto:') && a.textContent === a.getAttribute('href') && a.relList.contains('noreferrer')); })'''))
    b.open(url + 'index.html')
    same('in the list too', name, b.run("return document.querySelector('a[href=\"manifests/keeper/hostile/index.html\"]').textContent"))
    same('and nothing comes of it there', [1, 0, 0, 'Catalog keeper', True], b.run(ELEMENTS))
    b.open(url + 'withdrawn.html')
    same('a hostile reason is text', '<img src=x onerror=owned=1>', b.run("return document.querySelector('tbody td:nth-of-type(3)').textContent"))
    same('and nothing comes of that', [1, 0, 0, 'Withdrawn models', True], b.run(ELEMENTS))
    b.open(url + 'manifests/keeper/zeta/index.html')
    same('a name from right to left turns nothing else', 'isolate', b.run("return getComputedStyle(document.querySelector('h1 bdi')).unicodeBidi"))
    # the policy really is in force: a script that is put in does not run
    b.run("var s = document.createElement('script'); s.textContent = 'window.owned = 1'; document.body.append(s)")
    same('the policy keeps other scripts out', True, b.run('return window.owned === undefined'))
    refused = [entry['message'] for entry in b.log('browser')]
    same('and that is all it has to say', 1, len([line for line in refused if 'Content Security Policy' in line]))
    same('there is no other word on the console', [], [line for line in refused if 'Content Security Policy' not in line])


def test_copy(b, url):
    b.window(1280)
    b.open(url + 'manifests/keeper/alpha/index.html')
    blocks = b.run("return [document.querySelectorAll('pre').length, document.querySelectorAll('.copy').length]")
    same('each block of commands has a button', blocks[0], blocks[1])
    b.run("document.querySelector('.copy').focus()")
    b.type('\ue007')
    same('it selects what it copies', b.run("return document.querySelector('pre').textContent"), b.run('return getSelection().toString()'))
    same('and says what became of it', True, b.run("return ['Copied', 'Selected'].includes(document.querySelector('[role=status]').textContent)"))


def test_without_script(b, url):
    b.devtools('Emulation.setScriptExecutionDisabled', value=True)
    b.window(320)
    b.open(url + 'index.html')
    b.devtools('Emulation.setScriptExecutionDisabled', value=False)  # what is there was made without
    same('without a script there are no dead controls', [0, 5], b.run("return [document.querySelectorAll('button,input').length, document.querySelectorAll('tbody tr').length]"))


def test_expired(b, url):
    b.window(1280)
    b.open(url + 'index.html')
    mark = "var e = document.querySelector('#expires strong'); return e ? e.textContent : ''"
    same('a catalog that is good is not called expired', '', b.run(mark))
    later = b.devtools('Page.addScriptToEvaluateOnNewDocument', source='Date.now = function () { return 4e12; };')
    b.open(url + 'index.html')
    same('one that has expired is', ' This catalog has expired: ask for a newer one.', b.run(mark))
    b.devtools('Page.removeScriptToEvaluateOnNewDocument', identifier=later['identifier'])


def test_quiet(b):
    same('the console is silent', [], [entry['message'] for entry in b.log('browser')])


def test_requests(b):
    outside = []
    for entry in b.log('performance'):
        message = json.loads(entry['message'])['message']
        if message['method'] == 'Network.requestWillBeSent':
            address = message['params']['request']['url']
            if not address.startswith(('file:', 'about:', 'data:', 'chrome:', 'chrome-untrusted:')):
                outside.append(address)
    same('nothing is asked of anybody', [], outside)


def test(b, folder):
    url = 'file://' + os.path.abspath(folder) + '/'
    pages = ['index.html', 'withdrawn.html', 'manifests/keeper/alpha/index.html', 'manifests/keeper/hostile/index.html', 'manifests/keeper/long/index.html', 'manifests/keeper/zeta/index.html']
    test_search(b, url)
    test_sort(b, url)
    test_layout(b, url, pages)
    test_keyboard(b, url)
    test_copy(b, url)
    test_without_script(b, url)
    test_expired(b, url)
    test_quiet(b)
    test_hostile(b, url)
    test_requests(b)


def main(action, folder, profile, *rest):
    browser = None
    try:
        browser = Browser(profile)
        if action == 'test':
            test(browser, folder)
        else:
            out, page, width, height, scheme = rest
            browser.window(int(width), scheme, int(height))
            browser.open('file://' + os.path.abspath(folder) + '/' + page)
            browser.shoot(out)
    except (RuntimeError, OSError) as error:
        print(f'not ok the browser does as it is told\n# {error}')
    finally:
        if browser:
            browser.close()
            time.sleep(0.2)


main(*sys.argv[1:])
