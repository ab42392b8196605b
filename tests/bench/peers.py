"""make bench-peers: what passes between two machines, beside what others' programs pass.

usage: peers.py [--into FILE] [WHAT]...   WHAT: loopback line bottleneck growth; all of them but growth where none is named

--into puts the tables into a page. Environment: BENCH_MIB (1024), BENCH_RUNS (5; growth: 3), BENCH_SIZES (1G 2G 4G 8G, for growth), BENCH_LINE_MIB (256), BENCH_SEEDS (3). A folder in
TMPDIR holds the files: four times BENCH_MIB, or twice the largest of BENCH_SIZES; where /dev/shm has the room, loopback is measured there too.
Line and bottleneck need network namespaces, /dev/net/tun and `ip`; what cannot be had is named and left out. Exit: 0 measured,
whatever came out, 2 usage, 3 not measured."""
import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import machine
import measure
import memory
import model
import table

HERE = os.path.dirname(os.path.abspath(__file__))
PEER = os.path.join(os.path.dirname(measure.BUILT), 'peer')
TICKS = os.sysconf('SC_CLK_TCK')
DEBIAN_PYTHON = '/usr/bin/python3'  # the one that python3-libtorrent is for
HEAD = ('from the peer to a file', 'seconds', 'MB/s', 'CPU, getting', 'CPU, giving', 'MiB', 'times as fast', 'at least', '')
SPACES = '/run/netns'


class Left(Exception):
    """Something that is needed is not here; the text says what."""


def say(what):
    print(f'bench: {what}', file=sys.stderr)


def processor_seconds(pid):
    with open(f'/proc/{pid}/stat') as file:
        fields = file.read().rpartition(')')[2].split()
    return sum(map(int, fields[11:15])) / TICKS  # children that have ended are counted too


class Server:
    """A COMMAND that runs meanwhile; its first line of output is what READY says has to be in it."""

    def __init__(self, command, ready=None, within=''):
        self.child = subprocess.Popen(['sh', '-c', f'exec {within} {command}'], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      stderr=subprocess.DEVNULL, text=True)
        self.line = ''
        while ready is not None and ready not in self.line:
            self.line = self.child.stdout.readline()
            if not self.line:
                raise measure.Failed(f'{command}: ended before it was ready')
        if ready is None:
            time.sleep(0.5)

    def pids(self):
        """Its own, and those of its workers."""
        with open(f'/proc/{self.child.pid}/task/{self.child.pid}/children') as file:
            return [self.child.pid] + [int(pid) for pid in file.read().split()]

    def processors(self):
        return sum(processor_seconds(pid) for pid in self.pids())

    def end(self):
        self.child.terminate()
        self.child.stdin.close()
        self.child.stdout.close()
        self.child.wait()


class Contender:
    """One way to get the file: a Server, and the COMMAND of who gets it, which makes RESULT; NEEDS names the programs. It is to take LEAST times as
    long as ours."""

    def __init__(self, name, server, command, result, needs, least=None):
        self.name, self.server, self.command, self.result, self.needs, self.least = name, server, command, result, needs, least
        self.runs = []

    def lacks(self):
        return ', '.join(need for need in self.needs if not shutil.which(need) and not os.path.exists(need))

    def once(self, size):
        cleared()
        memory.in_hand(size * 5 // 4)
        before = self.server.processors()
        run = measure.Job(f'exec {self.command}', needs=('sh',)).once()
        giving = self.server.processors() - before
        if os.path.getsize(self.result) != size:
            raise measure.Failed(f'{self.name}: expected a file of {size} bytes, found {os.path.getsize(self.result)}')
        return run, giving


def cleared():
    for name in ('store', 'got'):
        if os.path.exists(name):
            subprocess.run(['chmod', '-R', 'u+w', name], check=True)
            shutil.rmtree(name)
    os.mkdir('got')
    if machine.file_system('.') != 'tmpfs':
        os.sync()


def prepare(size):
    """The model, its manifest, the store that serves it, and keys of every kind."""
    os.makedirs('web', exist_ok=True)
    model.grow('web/big.gguf', size)
    subprocess.run('manifest-make -q --private --force --model-id local/big --peer-hint available -o web/big.manifest web/big.gguf', shell=True, check=True)
    subprocess.run('slm-import -q --allow-unsigned --link --home served web >/dev/null', shell=True, check=True)
    if not os.path.exists('peer.key'):
        subprocess.run('peer-key peer.key >/dev/null', shell=True, check=True)
    if shutil.which('openssl') and not os.path.exists('tls.pem'):
        subprocess.run('openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout tls.key -out tls.pem -days 9 -subj /CN=localhost '
                       '2>/dev/null', shell=True, check=True)
    return machine.printed('sha256sum', 'web/big.manifest').split()[0]


def serve(listen, within='', options=''):
    server = Server(f'peer-serve --home served -s peer.key --share local/big --listen {listen} {options}', 'address: ', within)
    return server, server.line.split()[1]


@contextlib.contextmanager
def contenders(manifest):
    """Those that are here, with their servers."""
    ready, servers = [], []
    path = os.path.abspath('store/models/local/big/1/files/big.gguf')

    def add(name, needs, server, command, result, least=None):
        entry = Contender(name, None, command, result, needs, least)
        if entry.lacks():
            say(f'{name} is not measured: {entry.lacks()} lacks')
            return
        entry.server = server()
        servers.append(entry.server)
        if '{line}' in entry.command:
            entry.command = entry.command.replace('{line}', entry.server.line.strip())
        ready.append(entry)

    def own():
        return serve('127.0.0.1:0')[0]

    torrent = f'{HERE}/torrent.py'
    try:
        with open('nginx.conf', 'w') as file:
            file.write(f'daemon off; user {pwd.getpwuid(os.geteuid()).pw_name}; worker_processes 1; pid {os.getcwd()}/nginx.pid; error_log /dev/null; events {{}}\n'
                       f'http {{ access_log off; sendfile on; server {{ listen 127.0.0.1:4488 ssl; ssl_certificate {os.getcwd()}/tls.pem;\n'
                       f'ssl_certificate_key {os.getcwd()}/tls.key; ssl_protocols TLSv1.3; root {os.getcwd()}/web; }} }}\n')
        add('peer-serve, peer-fetch', ('peer-serve',), own,
            f'peer-fetch -q -y --home store --allow-unsigned {manifest} "$(echo \'{{line}}\' | cut -d" " -f2)"', path)
        add('ngtcp2: gtlsserver, gtlsclient', ('gtlsserver', 'gtlsclient'),
            lambda: Server('gtlsserver -q -d web 127.0.0.1 4477 tls.key tls.pem'),
            'gtlsclient -q --exit-on-all-streams-close --download got 127.0.0.1 4477 https://localhost:4477/big.gguf', 'got/big.gguf', 1.0)
        add('ngtcp2, both with BBR', ('gtlsserver', 'gtlsclient'),
            lambda: Server('gtlsserver -q -d web --cc=bbr 127.0.0.1 4478 tls.key tls.pem'),
            'gtlsclient -q --cc=bbr --exit-on-all-streams-close --download got 127.0.0.1 4478 https://localhost:4478/big.gguf', 'got/big.gguf', 1.0)
        if subprocess.run([DEBIAN_PYTHON, '-c', 'import libtorrent'], stderr=subprocess.DEVNULL).returncode == 0:
            subprocess.run([DEBIAN_PYTHON, torrent, 'make', 'web/big.gguf', 'big.torrent'], check=True)
            add('libtorrent, version 2, a swarm of two', (DEBIAN_PYTHON,), lambda: Server(f'{DEBIAN_PYTHON} {torrent} seed big.torrent web', '\n'),
                f'{DEBIAN_PYTHON} {torrent} get big.torrent got {{line}}', 'got/big.gguf', 1.8)
        else:
            say('libtorrent is not measured: python3-libtorrent lacks')
        add('nginx and curl over TLS, then openssl dgst', ('nginx', 'curl', 'openssl'), lambda: Server(f'nginx -c {os.getcwd()}/nginx.conf'),
            "sh -c 'curl -s -k -o got/big.gguf https://127.0.0.1:4488/big.gguf && openssl dgst -sha256 got/big.gguf'", 'got/big.gguf')
        yield ready
    finally:
        for server in servers:
            server.end()


def loopback(size, runs, manifest):
    """Rows: in turns, every other turn in reverse, one that does not count first."""
    with contenders(manifest) as entries:
        for turn in range(runs + 1):
            for entry in entries if turn % 2 else entries[::-1]:
                found = entry.once(size)
                if turn:
                    entry.runs.append(found)
    rows, ours = [], None
    for entry in entries:
        run = measure.middle([run for run, _ in entry.runs])
        giving = measure.median([giving for _, giving in entry.runs])
        ours = ours or run.seconds
        times = run.seconds / ours
        verdict = '' if entry.least is None else 'ok' if times >= entry.least else 'below'
        rows.append((entry.name, f'{run.seconds:.2f}', f'{size / 1e6 / run.seconds:.0f}', f'{run.cpu:.2f}', f'{giving:.2f}', f'{run.kib / 1024:.0f}',
                     '' if entry is entries[0] else f'{times:.2f}', f'{entry.least or ""}', verdict))
    cleared()
    return HEAD, rows


# ---- lines ----

def ip(words):
    subprocess.run(f'ip {words}', shell=True, check=True, stderr=subprocess.PIPE, text=True)


@contextlib.contextmanager
def spaces(*words):
    """Two network namespaces, 10.77.0.1 and 10.77.0.2, with a cable between them of which WORDS tell; without words, a pair of devices."""
    names = [f'mm{os.getpid()}{side}' for side in 'ab']
    cable = None
    if os.geteuid() or not shutil.which('ip'):
        raise Left('network namespaces (root, or `unshare -Urnm`, and `ip`)')
    try:
        for name in names:
            ip(f'netns add {name}')
        if words:
            cable = Server(f'{PEER}/cable {SPACES}/{names[0]} {SPACES}/{names[1]} {" ".join(words)}', 'ready')
        else:
            ip(f'link add cable netns {names[0]} type veth peer name cable netns {names[1]}')
        for number, name in enumerate(names, 1):
            ip(f'-n {name} addr add 10.77.0.{number}/24 dev cable')
            ip(f'-n {name} link set cable txqueuelen 10000 up')
            ip(f'-n {name} link set lo up')
        yield names
    except subprocess.CalledProcessError as failure:
        raise Left(f'{failure.cmd}: {failure.stderr.strip()}') from failure
    finally:
        if cable:
            cable.end()
        for name in names:
            subprocess.run(['ip', 'netns', 'del', name], stderr=subprocess.DEVNULL)


TCP_SERVER = '''
import socket, sys
data = bytes(1 << 18)
with socket.socket() as door:
    door.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, sys.argv[1].encode())
    door.bind(("10.77.0.1", 5001))
    door.listen()
    print("ready", flush=True)
    while True:
        with door.accept()[0] as line:
            left = int(sys.argv[2])
            while left > 0:
                left -= line.send(data[:min(left, len(data))])
'''
TCP_CLIENT = '''
import socket, sys
with socket.create_connection(("10.77.0.1", 5001)) as line:
    room, left = bytearray(1 << 20), int(sys.argv[1])
    while left > 0:
        got = line.recv_into(room)
        if not got: sys.exit(1)
        left -= got
'''


def tcp_can(congestion):
    with open('/proc/sys/net/ipv4/tcp_available_congestion_control') as file:
        return congestion in file.read().split()


def line(size, runs, manifest, delay, loss):
    """Rows: the same bytes over the same cable, by whatever carries them."""
    rows = []
    for name, kind, congestion in (('peer-serve, peer-fetch: BBR', 'own', 'bbr'), ('TCP: BBR', 'tcp', 'bbr'),
                                   ('ngtcp2: gtlsserver, gtlsclient: BBR', 'ngtcp2', 'bbr')):
        found = []
        if kind == 'ngtcp2' and not shutil.which('gtlsserver') or kind == 'tcp' and not tcp_can(congestion):
            say(f'{name} is not measured: not here')
            continue
        for seed in range(1, runs + 1):
            cleared()
            with spaces(f'delay={delay}', f'loss={loss}', f'seed={seed}') as names:
                first, second = (f'ip netns exec {name}' for name in names)
                if kind == 'own':
                    server, address = serve('10.77.0.1:4433', first)
                    command = f'peer-fetch -q -y --home store --allow-unsigned {manifest} {address}'
                elif kind == 'tcp':
                    with open('give.py', 'w') as give, open('get.py', 'w') as get:
                        give.write(TCP_SERVER)
                        get.write(TCP_CLIENT)
                    server = Server(f'python3 give.py {congestion} {size}', 'ready', first)
                    command = f'python3 get.py {size}'
                else:
                    server = Server(f'gtlsserver -q -d web --cc={congestion} 10.77.0.1 4433 tls.key tls.pem', None, first)
                    command = f'gtlsclient -q --cc={congestion} --exit-on-all-streams-close --download got 10.77.0.1 4433 https://10.77.0.1:4433/big.gguf'
                try:
                    found.append(measure.Job(f'timeout 120 {second} {command}', needs=('sh',)).once().seconds)
                except measure.Failed:  # two minutes are the most that it may take, and count
                    found.append(120.0)
                finally:
                    server.end()
        middle = measure.median(found)
        rows.append((name, middle))
    ours = rows[0][1]
    lines = []
    for name, seconds in rows:
        times = seconds / ours
        least = '1.5' if name.startswith('TCP: BBR') else ''
        verdict = ('ok' if times >= 1.5 else 'below') if least else ''
        rate = f'{size / 1e6 / seconds:.1f}' if seconds < 120 else f'below {size / 1e6 / seconds:.1f}'
        lines.append((name, f'{seconds:.2f}', rate, '' if seconds == ours else f'{times:.2f}', least, verdict))
    cleared()
    return (f'{delay} ms each way, {loss / 100:g} % lost', 'seconds', 'MB/s', 'times as fast', 'at least', ''), lines


RATE = 1250000  # bytes a second: 10 Mbit/s


def bottleneck(size, manifest):
    """Four servers behind 10 Mbit/s, and the same with a cut of half a minute."""
    rows = []
    for cut in (0, 30):
        cleared()
        with spaces() as names:
            for name in names:
                ip(f'netns exec {name} tc qdisc add dev cable root tbf rate 10mbit burst 16kb latency 100ms')
            servers, addresses = [], []
            for number in range(4):
                key = f'peer{number}.key'
                if not os.path.exists(key):
                    subprocess.run(f'peer-key {key} >/dev/null', shell=True, check=True)
                servers.append(Server(f'peer-serve --home served -s {key} --share local/big --listen 10.77.0.1:{4433 + number}', 'address: ',
                                      f'ip netns exec {names[0]}'))
                addresses.append(servers[-1].line.split()[1])
            start = time.monotonic()
            fetch = subprocess.Popen(f'exec ip netns exec {names[1]} peer-fetch -q -y --home store --allow-unsigned {manifest} {" ".join(addresses)}',
                                     shell=True, stdout=subprocess.DEVNULL)
            if cut:
                time.sleep(4)
                ip(f'-n {names[0]} link set cable down')
                time.sleep(cut)
                ip(f'-n {names[0]} link set cable up')
            code = fetch.wait()
            seconds = time.monotonic() - start
            for server in servers:
                server.end()
            if code:
                raise measure.Failed(f'a fetch through a bottleneck ended with {code}')
        used = size / RATE / (seconds - cut)
        rows.append((f'{size >> 20} MiB, {f"cut for {cut} s meanwhile" if cut else "no cut"}', f'{seconds:.1f}', f'{100 * used:.0f} %',
                     '' if cut else '85 %', '' if cut else 'ok' if used >= 0.85 else 'below'))
    cleared()
    return ('four peers, 10 Mbit/s', 'seconds', 'of the line, without the cut', 'at least', ''), rows


SERVED = 'served/models/local/big/1/files/big.gguf'


def growth(sizes, runs, within):
    """Rows: what a GiB costs both sides, in processor time, which is what has to stay the same; the served file is read beforehand, and the getter,
    where it is held WITHIN less memory than it writes, hands pages back as it goes."""
    rows, first = [], None
    for size in sizes:
        shutil.rmtree('served', ignore_errors=True)
        if shutil.disk_usage('.').free < 2 * size - (os.path.getsize('web/big.gguf') if os.path.exists('web/big.gguf') else 0) + (256 << 20):
            say(f'{size >> 20} MiB is not measured: no room for the file and its copy')
            continue
        if os.path.exists('web/big.gguf'):
            os.chmod('web/big.gguf', 0o644)
        manifest = prepare(size)
        server, address = serve('127.0.0.1:0')
        found = []
        for _ in range(runs):
            cleared()
            if not memory.read_in(SERVED):
                say(f'{size >> 20} MiB: the served file does not fit into memory, and its device is measured too')
            memory.in_hand(min(size * 5 // 4, memory.PAGES) if within else size * 5 // 4)
            before = server.processors()
            run = measure.Job(f'peer-fetch -q -y --home store --allow-unsigned {manifest} {address}').through(within).once()
            found.append((run, server.processors() - before))
        server.end()
        run, giving = measure.middle([run for run, _ in found]), measure.median([giving for _, giving in found])
        per = (run.cpu + giving) / (size / (1 << 30))
        first = first or per
        rows.append((f'{size >> 20} MiB', f'{run.seconds:.2f}', f'{run.cpu:.2f}', f'{giving:.2f}', f'{per:.2f}', f'{per / first:.2f}', f'{run.kib / 1024:.0f}',
                     f'{"ok" if 0.9 <= per / first <= 1.1 and run.kib < 128 << 10 else "above"}'))
    cleared()
    return ('fetched', 'seconds', 'CPU, getting', 'CPU, giving', 'CPU a GiB', 'of the first', 'MiB', ''), rows


# ---- the whole ----

def number(name, otherwise):
    word = os.environ.get(name, otherwise)
    if not word.isdecimal() or not int(word):
        print(f'bench: {name}: expected a number, found {word!r}', file=sys.stderr)
        sys.exit(2)
    return int(word)


def parts(what, mib, runs):
    """Sentences and tables."""
    if 'loopback' in what:
        folders = ['.'] + (['/dev/shm'] if machine.file_system('.') != 'tmpfs' and os.path.isdir('/dev/shm') and shutil.disk_usage('/dev/shm').free > 5 * mib << 20 else [])
        for folder in folders:
            with tempfile.TemporaryDirectory(prefix='minimodel-bench.', dir=os.path.abspath(folder)) as inner:
                here = os.getcwd()
                os.chdir(inner)
                manifest, kind = prepare(mib << 20), machine.file_system('.')
                yield (f'{mib} MiB over loopback into {kind}; medians of {runs} runs in turns, after one that is not counted.',
                       *loopback(mib << 20, runs, manifest))
                subprocess.run(['chmod', '-R', 'u+w', '.'], check=True)
                os.chdir(here)
    if 'line' in what:
        size = number('BENCH_LINE_MIB', '256') << 20
        manifest = prepare(size)
        seeds = number('BENCH_SEEDS', '3')
        yield f'{size >> 20} MiB over a line that is bad in both directions; medians of {seeds} seeds.', *line(size, seeds, manifest, 50, 100)
    if 'bottleneck' in what:
        size = 24 << 20
        shutil.rmtree('served', ignore_errors=True)
        shutil.rmtree('web', ignore_errors=True)
        yield 'Through one bottleneck, `tc tbf` between namespaces.', *bottleneck(size, prepare(size))
    if 'growth' in what:
        units = {'M': 20, 'G': 30}
        sizes = [int(word[:-1]) << units[word[-1]] for word in os.environ.get('BENCH_SIZES', '1G 2G 4G 8G').split()]
        shutil.rmtree('served', ignore_errors=True)
        shutil.rmtree('web', ignore_errors=True)
        runs = number('BENCH_RUNS', '3')
        with memory.bounded(memory.PAGES) as within:
            pages = f'; the getter and its pages in {memory.PAGES >> 20} MiB of memory' if within else ''
            yield f'What larger models cost; medians of {runs}; the served file is read into memory twice before each{pages}.', *growth(sizes, runs, within)


def main():
    words, into = sys.argv[1:], None
    if words[:1] == ['--into'] and len(words) > 1:
        into, words = os.path.abspath(words[1]), words[2:]
    if not set(words) <= {'loopback', 'line', 'bottleneck', 'growth'}:
        print(__doc__, file=sys.stderr)
        sys.exit(2)
    os.environ['PATH'] += ':/usr/sbin:/sbin'
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # and the folder is removed
    lay = table.markdown if into else table.plain
    text = lay(('', ''), [list(pair) for pair in machine.facts('.', 'the fastest') if pair[0] in
                          ('date', 'processor', 'processors', 'memory', 'kernel', 'load before')]).lstrip() + '\n'
    try:
        if into:
            table.around(into, 'peers')
        with tempfile.TemporaryDirectory(prefix='minimodel-bench.') as folder:
            os.chdir(folder)
            for sentence, head, rows in parts(words or ['loopback', 'line', 'bottleneck'], number('BENCH_MIB', '1024'), number('BENCH_RUNS', '5')):
                text += f'{sentence}\n\n{lay(head, rows)}\n'
                print(table.plain(head, rows), file=sys.stderr)
            subprocess.run(['chmod', '-R', 'u+w', '.'], check=True)
            os.chdir('/')
    except Left as left:
        print(f'bench: not measured, as this lacks: {left}', file=sys.stderr)
        sys.exit(3)
    except (measure.Failed, table.Lacks, OSError, subprocess.CalledProcessError) as failure:
        print(f'bench: {failure}', file=sys.stderr)
        sys.exit(3)
    text += f'Load after: {machine.load()}.\n'
    if into:
        table.into(into, 'peers', text)
    else:
        print(text, end='')


main()
