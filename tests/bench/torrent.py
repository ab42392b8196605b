"""Two of libtorrent, as a swarm of version 2: who has a file, and who gets it.

usage: torrent.py make FILE TORRENT    the torrent of FILE, pieces of 1 MiB
       torrent.py seed TORRENT FOLDER  gives it at 127.0.0.1:PORT until standard input ends; prints PORT
       torrent.py get TORRENT FOLDER PORT

Everything that looks for others is off, and so is what slows down beside other traffic."""
import os
import sys
import time

import libtorrent

QUIET = {'enable_dht': False, 'enable_lsd': False, 'enable_upnp': False, 'enable_natpmp': False, 'alert_mask': 0,
         'enable_outgoing_utp': False, 'enable_incoming_utp': False, 'mixed_mode_algorithm': 0, 'allow_multiple_connections_per_ip': True,
         'send_buffer_watermark': 4 << 20, 'max_out_request_queue': 2000}


def make(path, torrent):
    files = libtorrent.file_storage()
    libtorrent.add_files(files, path)
    made = libtorrent.create_torrent(files, 1 << 20, libtorrent.create_torrent.v2_only)
    libtorrent.set_piece_hashes(made, os.path.dirname(path))
    with open(torrent, 'wb') as file:
        file.write(libtorrent.bencode(made.generate()))


def join(torrent, folder, seed):
    session = libtorrent.session(dict(QUIET, listen_interfaces='127.0.0.1:0'))
    wanted = libtorrent.add_torrent_params()
    wanted.ti, wanted.save_path = libtorrent.torrent_info(torrent), folder
    if seed:
        wanted.flags |= libtorrent.torrent_flags.seed_mode
    return session, session.add_torrent(wanted)


def main():
    what, *words = sys.argv[1:]
    if what == 'make':
        make(os.path.abspath(words[0]), words[1])
        return
    session, handle = join(words[0], words[1], what == 'seed')
    if what == 'seed':
        while not session.listen_port():
            time.sleep(0.01)
        print(session.listen_port(), flush=True)
        sys.stdin.read()
        return
    handle.connect_peer(('127.0.0.1', int(words[2])))
    while not handle.status().is_seeding:
        time.sleep(0.01)


main()
