#!/usr/bin/env python3
"""A game that counts its players' lines, also over kill -9 and a new start: stayd keeps players and
counts (doc/PROTOCOL.control, doc/PROTOCOL.header). Run: control.py CONTROL GAME SOCKET"""
import asyncio, contextlib, itertools, os, struct, sys
CONTROL, GAME, SOCKET = sys.argv[1:]
link, turn, number = None, asyncio.Lock(), itertools.count()

async def ask(request):
    line = f"{os.getpid()}.{next(number)} {request}\n".encode()
    while True:  # until it is answered: stayd's worker may die in between
        async with turn:
            global link
            with contextlib.suppress(OSError):
                link = link or await asyncio.open_unix_connection(CONTROL)
                link[1].write(line)
                while answer := await link[0].readline():
                    if answer.split()[0] in (line.split()[0], b"error"):  # else stayd's greeting
                        return answer.decode()
            link = await asyncio.sleep(0.1)  # None: connect again, repeat with the same ID

async def play(reader, writer):
    head, facts = await reader.readexactly(16), {}
    rest = (await reader.readexactly(head[14] * 256 + head[15]))[{0x11: 12, 0x21: 36}[head[13]]:]
    while rest:
        kind, n = struct.unpack_from("!BH", rest)
        facts[kind], rest = rest[3:3 + n], rest[3 + n:]
    conn, resumed = facts[0x05].hex(), facts.get(0xE2, bytes(16))
    at, (done, count) = int.from_bytes(resumed[:8], "big"), map(int, resumed[16:].split() or "00")
    writer.write(b"Welcome%s, %d lines so far.\r\n" % (b" back" if 0xE2 in facts else b"", count))
    while line := await reader.readline():
        at += len(line)
        if at > done:  # else it was counted before the crash, and only not acknowledged
            done, count = at, count + 1
            writer.write(b"%d: %s\r\n" % (count, line.strip()))
            await ask(f"state {conn} {(b'%d %d' % (done, count)).hex()}")
        await ask(f"ack {conn} {at}")
    writer.close()

async def main():
    if " ok " not in (answer := await ask(f"attach {GAME} resume ack")):  # first; listen then
        sys.exit(answer)
    await (await asyncio.start_unix_server(play, SOCKET)).serve_forever()
asyncio.run(main())
