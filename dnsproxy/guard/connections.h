// SPDX-License-Identifier: BSD-2-Clause
// Limits on the connections of one client (semantics.md section 13): how many at once, how many new ones per second,
// and bans. A client is an address range, setTCPConnectionsMaskV4/V6 and port bits.
//
//   stream accepted --> connections_opened(): refused, or counted in --> ... --> connections_closed(): counted out
//   too many reads for one query --> connections_ban(): the client's next connections are refused for some time
//
// What is remembered of a client is the number of its connections of now, the end of its ban, and how many new ones came in
// each of the last sixteen intervals. The rate is their sum by the seconds since the first of them, so that the burst of a
// client that was not seen before exceeds a small rate at once, not after the first interval.
//
// Shared by all workers on purpose, because a client's connections spread over them: 16 shards, a short lock when a
// connection opens and closes, none while it lives, and none at all while nothing is limited and nobody banned. A client of
// whom there is nothing left to remember is taken out when a hand that passes along the lists comes by, two lists for every
// new entry: no timer, and no pause to clean up. Any thread.
#ifndef DNSPROXY_GUARD_CONNECTIONS_H
#define DNSPROXY_GUARD_CONNECTIONS_H

#include "dnsproxy/net/stream.h"

// Counts a connection in, unless it is refused: over a limit, or from a banned client.
enum stream_verdict connections_opened(const struct address *client, const struct settings *, uint32_t now_s);
void connections_closed(const struct address *client, const struct settings *);
// Too many reads for one query (setMaxTCPReadIOsPerQuery): bans for setBanDurationForExceedingMaxReadIOsPerQuery.
void connections_ban(const struct address *client, const struct settings *, uint32_t now_s);
size_t connections_clients(void); // that something is remembered of

extern const struct stream_guard connections_guard; // these three, for the walk hooks

#endif
