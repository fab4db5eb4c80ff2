// SPDX-License-Identifier: BSD-2-Clause
// A query on its walk: what rooms, selectors, actions and policies may read and write.
//
// *A query has exactly one owner: the room it is in, or the table it is parked in.* Whoever parks it resumes it or
// drops it. The same struct carries the answer back: `packet` is then the answer, everything else still describes the query.
//
//   arrival       how it came: peer, client, destination, listener, stream, the way back     constant after admission
//   packet        the bytes; borrowed from a receive buffer until query_own_packet()
//   qname, edns   facts of the packet, read once, and anew after a script had it (query_settle())
//   pool, cache, backend, key    what rooms decided
//   subnet        the plan for the client's subnet, and what was done of it
//   limits        of the answer: TTLs, size, delay
//   extra         what few queries have: tags, extended errors, PROXY values; taken when first needed
//
// Memory: the query, its extra and its packet are pieces of the worker's slabs, taken and given back by query_new() and
// query_free(); nothing is allocated elsewhere. Thread: the worker it was born on, until it dies; a suspended one may be
// changed under the Lua lock when it was made portable.
#ifndef DNSPROXY_CORE_QUERY_H
#define DNSPROXY_CORE_QUERY_H

#include "dnsproxy/base/address.h"
#include "dnsproxy/base/neighbours.h"
#include "dnsproxy/core/cache_key.h"
#include "dnsproxy/wire/compose.h"
#include "dnsproxy/wire/proxy_header.h"
#include "dnsproxy/core/transport.h"
#include "dnsproxy/core/worker.h"

struct backend;
struct listener;
struct netmask;
struct packet_cache;
struct pool;
struct stream;
struct suspended;
struct transfer;
struct query;

// How an answer goes back. reply() takes over the query, with its packet, and frees it when it is sent.
struct reply_route {
  void (*reply)(struct query *);
  void (*dropped)(struct query *); // the query ends without an answer: a stream closes or goes on. Then the caller frees it.
  // One message of several of a zone transfer; the query goes on. PART_FULL: no more before resume() is called for it, once.
  enum part_sent { PART_SENT, PART_FULL, PART_FAILED } (*part)(struct query *, void (*resume)(struct query *));
};

struct tag {
  struct tag *next;
  char *key, *value; // NUL-terminated
  uint32_t value_size;
};

// An extended error (RFC 8914) to attach to the answer, if that has EDNS.
struct extended_error {
  struct extended_error *next;
  uint16_t code, size;
  char text[];
};

// Rarely needed facts, taken from the worker's slab on first use.
struct query_extra {
  struct tag *tags;
  struct extended_error *errors; // in the order they were added
  bool errors_replace;           // those of the backend
  struct proxy_value *proxy_values, *last_proxy_value; // received, and those that rules added
  struct address local;          // with a PROXY header: where the query really arrived
  uint8_t *proxied;              // the packet with a PROXY header in front, as it goes to the backend
  size_t proxied_size;
  uint8_t *restart_packet;       // the query as it was, for dr:restart()
  uint16_t restart_size;
  bool restart_ecs_added, restart_edns_added; // to it
  char *requestor_id, *device_id, *device_name;
  size_t used;      // of space
  void *overflow;   // list of malloc'ed chunks
  uint8_t space[768]; // tags live here first
};

// How a query arrived, and how its answer goes back. Filled by the transport, read by everybody, changed by a PROXY header
// and by the few rules that say who the client is. What only some transports know has its place here too.
struct arrival {
  const struct transport *transport;
  bool has_local : 1;         // a PROXY header said who and where: extra->local is the address to answer from
  uint32_t interface;         // scope of the reply
  struct listener *listener;
  const struct reply_route *route;
  struct datagram_socket *datagram; // UDP: the socket it arrived on
  struct stream *stream;      // of a stream transport
  uint64_t sequence;          // which query of the stream
  struct address peer;        // the other end of the client's socket: answers go there
  struct address client;      // the client: peer, or what a PROXY header said
  struct address destination; // the address it was sent to
};

// The plan for the client subnet (RFC 7871): whether the query is sent with one, which, and what comes off the answer again.
struct subnet_plan {
  bool wanted : 1, override : 1;
  bool added : 1, edns_added : 1; // by us: the option, the whole OPT; the answer loses them again
  bool zero_scope : 1;        // `hash_for_all` is filled: an answer for every subnet will do
  bool for_all : 1;           // the answer is one
  uint16_t prefix_v4, prefix_v6; // bits sent; more than the address has: all of it
  const struct netmask *network; // sent instead of the client's; of an action, which the lease keeps; NULL: the client's
  uint64_t hash_for_all;      // the key's, from before a subnet was added
};

// What rules say of the answer before there is one.
struct answer_limits {
  uint16_t delay_ms;   // UDP only
  int32_t failure_ttl; // how long a temporary failure is cached, seconds; -1: the cache's
  uint32_t max_ttl;    // seconds; UINT32_MAX: no cap
};

// Of a query that explain() made up, on a guest: what keeps state only looks at it, nothing is sent, logged or counted.
struct rehearsal {
  bool dry : 1;
  bool scripts : 1; // scripts run all the same, whatever they do
  bool untold : 1;  // something did not decide because it may do more than look; explain() clears it
};

struct query {
  uint32_t magic;
  uint8_t drop;          // enum drop, when a room returned ROOM_DROP
  uint8_t room;          // enum room, where it stands (trace, explain)
  struct rehearsal rehearsal;
  uint8_t restarts;
  uint8_t moves; // how often it went to another backend because one failed it
  struct worker *worker;
  struct lease *lease;   // the configuration it lives under
  struct query *next;    // the owner's list
  uint64_t sequence;     // of the in-flight table that owns it
  struct suspended *suspended; // its place, from dq:suspend() until it goes on (walk/suspended.h); borrowed

  // The packet as it stands: the query, later the answer. Borrowed from the batch it came in, or in `own`.
  struct wire_buffer packet;
  uint8_t *own;          // memory that goes with the query, see query_own_packet(); `packet` may be in it
  uint32_t own_size;     // PACKET_PIECE: from the worker's slab, else one of its buffers
  uint16_t question_end;
  uint16_t qtype, qclass;
  uint16_t id;           // the client's, host order
  uint8_t flags[2];      // header bytes 2 and 3 as received
  struct edns edns;      // of the query as received (offsets valid in the original query only)
  uint64_t qname_hash;   // name_bytes_hash() with the process seed

  // Verdicts on the way.
  bool skip_cache : 1;
  bool self_answered : 1;     // QR was set by us
  bool from_cache : 1, stale : 1;
  bool is_xfr : 1;
  bool in_part : 1;           // some of the answer went to the client: there is no other one
  bool restart : 1;           // a response rule asked for it: the chain ends, the query is asked again
  bool has_key : 1;           // `key` is filled
  bool over_tcp : 1;          // goes to the backend over a stream
  bool packet_changed : 1;    // by a rule: offsets of `edns` no longer fit the packet
  bool touched : 1;           // a script had it: query_settle() before anything below is relied on
  bool is_answer : 1;         // the packet is, or was, one: qname, qtype and qclass stay those of the query
  bool resumed : 1;           // it was suspended in the room that it enters: the chain there is behind it
  bool selector_failed : 1;   // a selector cannot decide: the query is dropped, `drop` says why
  struct answer_limits limits;
  struct subnet_plan subnet;

  const struct pool *pool;    // set by choose_pool, of the lease's snapshot
  struct backend *backend;    // counted by the in-flight table while parked
  struct packet_cache *cache; // where the answer goes
  struct cache_key key;
  struct query_extra *extra;
  struct transfer *transfer;  // upstream/transfer.h: messages of it went to the client, and its last is still to come

  uint64_t received_us;       // monotonic
  uint64_t sent_us;           // to the backend

  struct arrival arrival;

  char pool_name[64];         // chosen by rules; "" is the default pool
  struct name qname;          // the client's casing
};

// What a query of a stream, or one that goes over a stream, brings with it: room for the usual answer.
enum { PACKET_PIECE = 4608 };

#define QUERY_MAGIC 0x9e41a5efu

// Takes a query from the worker's slab, cleared up to the first name; NULL when the slab is at its limit.
struct query *query_new(struct worker *);
void query_free(struct query **); // gives up its lease, extra and slab piece

// Is the packet an answer (QR set)?
static inline bool
query_answered(const struct query *q)
{
  return (q->packet.data[2] & FLAG2_QR) != 0;
}
static inline bool
query_is_tcp(const struct query *q) // as rules say it
{
  return q->arrival.transport->tcp;
}
static inline bool
query_takes_large(const struct query *q) // its answer is not cut
{
  return q->arrival.transport->large;
}

// The address that answers leave from.
static inline const struct address *
query_local(const struct query *q)
{
  return q->arrival.has_local ? &q->extra->local : &q->arrival.destination;
}

static inline const struct settings *
query_settings(const struct query *q)
{
  return q->lease->settings;
}

// Tags: kept until the answer is sent. Values may hold any bytes. False: out of memory (counted).
bool query_tag_set(struct query *, const char *key, const char *value, size_t size);
const struct tag *query_tag_get(const struct query *, const char *key); // NULL when unset
void query_tag_unset(struct query *, const char *key);
const struct tag *query_tags(const struct query *); // first of the list, NULL when none
// Extended errors: queued, attached by query_attach_errors() when the answer is finished. False: out of memory.
bool query_add_error(struct query *, uint16_t code, const char *text, size_t size);
// Errors that are added next take the place of those in the queue, and of those that the answer has already.
void query_clear_errors(struct query *);
void query_attach_errors(struct query *); // those that fit; the queue is then empty
// Values of the PROXY protocol, in their order. False: no memory, or more than a header holds.
const struct proxy_value *query_proxy_values(const struct query *);
bool query_add_proxy_value(struct query *, uint8_t type, const void *data, size_t size);
void query_clear_proxy_values(struct query *);
// Client, destination and values are what the header says. False: no memory.
bool query_take_proxy_header(struct query *, const struct proxy_header *);
bool query_set_pool(struct query *, const char *name, size_t size); // false: longer than a pool name can be
// Moves `bytes` into memory of the query's own with room for `capacity` of them: they are its packet from now on. `bytes`
// may be the packet itself (to keep it beyond its batch, or to make it larger). False: no memory, packet unchanged.
bool query_own_packet(struct query *, const uint8_t *bytes, size_t size, size_t capacity);
// How large scripts and rules may make the packet: what a datagram carries to where it came from, or a stream does.
static inline size_t
query_most(const struct query *q)
{
  enum { DATAGRAM_MOST = 4096 };
  return query_takes_large(q) ? MESSAGE_MAX_SIZE : DATAGRAM_MOST;
}
// Adds an EDNS option or replaces it, with room made for it; *added_opt: the message had no OPT. False: larger than
// query_most(), cannot be read, or no memory; packet unchanged.
bool query_set_option(struct query *, uint16_t code, const void *data, size_t size, uint16_t payload, bool *added_opt);
// Readies the query for changes by another thread, to which it will be given: from then on no memory of its worker's slabs
// is taken or given back, until it is freed. Thread: the worker. False: no memory.
bool query_make_portable(struct query *);
// Memory that lives as long as the query; NULL when there is none.
void *query_alloc(struct query *, size_t size);
// The link address of a client on a local network, as the kernel knows it. Returns its size, 0: unknown. Thread: the worker.
size_t query_link_address(const struct query *, uint8_t link[LINK_ADDRESS_MAX]);
// Form of a self-made answer for this query (EDNS as the settings say).
struct answer_form query_answer_form(const struct query *, const struct answer_flags *, uint32_t ttl);
// Keeps the query as it stands for query_ask_restart(). False: no memory, or it has become an answer.
bool query_keep_for_restart(struct query *);
// Marks the query to be asked again; false when nothing was kept, for answers that no backend gave, and after 255 times.
bool query_ask_restart(struct query *);
// Makes the kept packet the query's again, for another walk from choose_pool. False: no memory.
bool query_restart(struct query *);
// The key under which answers for everybody are kept: of a query with zero_scope.
void query_key_for_all(const struct query *, struct cache_key *);
// EDNS as the packet has it now: rules and client subnet may have changed it since it was decoded. Into `edns`, or q->edns.
const struct edns *query_edns_now(const struct query *, struct edns *edns);
// Is the question that is known the packet's? Scripts may take it away: the query goes on, but nothing is cached for it.
static inline bool
query_has_question(const struct query *q)
{
  enum { TYPE_AND_CLASS = 4 };
  return q->question_end == HEADER_SIZE + q->qname.size + TYPE_AND_CLASS;
}
// Reads the question anew from a packet that was changed: where it ends, and unless the packet is an answer what it asks for.
// A question that cannot be read leaves what was asked for as it was known.
void query_read_question(struct query *);
// The facts above describe the packet again, whatever scripts did to it: between two rooms this holds always.
static inline void
query_settle(struct query *q)
{
  if (__builtin_expect(!q->touched, 1))
    return;
  q->touched = false;
  query_read_question(q);
}
// The same for a packet that was written from nothing: EDNS, too. False: malformed.
bool query_reparse(struct query *);

#endif
