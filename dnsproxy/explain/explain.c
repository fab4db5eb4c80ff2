// SPDX-License-Identifier: BSD-2-Clause
// The dry walk: what rooms and rules have to say, the walk itself, its end, and the query that is made up for it.
#include "dnsproxy/explain/explain.h"

#include "dnsproxy/base/epoch.h"
#include "dnsproxy/cache/packet_cache.h"
#include "dnsproxy/config/snapshot.h"
#include "dnsproxy/explain/explain_facts.h"
#include "dnsproxy/walk/rooms.h"
#include "dnsproxy/wire/client_subnet.h"
#include "dnsproxy/wire/codes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// ---- what each room has to say ----

static void
explain_add_text(json_t *o, const char *key, struct text *text)
{
  json_object_set_new(o, key, explain_string(text->data, text->size));
  text_fini(text);
}

static void
explain_add_block(json_t *list, const struct dynblock *b, const struct query *q)
{
  if (b == NULL)
    return;
  struct text key;
  text_init(&key);
  dynblock_key_text(&b->key, &key);
  int action = b->action == DYNBLOCK_NO_ACTION ? q->lease->snapshot->dynblocks->default_action : b->action;
  json_t *o = json_pack("{s:s, s:b, s:I}", "action", dynblock_action_text(action), "warning", (int)b->warning,
                        "seconds_left", (json_int_t)((b->until_us - q->worker->now_us) / 1000000));
  json_object_set_new(o, "reason", explain_string(b->reason, strlen(b->reason)));
  explain_add_text(o, "of", &key);
  json_array_append_new(list, o);
}

static void
explain_say_blocks(json_t *room, const struct query *q)
{
  const struct dynblock_set *set = q->lease->snapshot->dynblocks;
  json_t *list = json_array();
  if (set->count > 0) {
    explain_add_block(list, dynblock_find_client(set, &q->arrival.client, q->worker->now_us), q);
    explain_add_block(list, dynblock_find_name(set, &q->qname, q->worker->now_us), q);
  }
  json_object_set_new(room, "blocks", list);
}

static json_t *
explain_server(const struct backend *b, const struct query *q)
{
  double latency_ms = backend_latency_us(b, backend_way(b, q->over_tcp)->stream) / 1000;
  json_t *o = json_pack("{s:o, s:b, s:i, s:i, s:I, s:f, s:b, s:b}", "server",
                        explain_string(backend_full_name(b), strlen(backend_full_name(b))), "up", (int)backend_is_up(b),
                        "order", (int)atomic_load(&b->order), "weight", (int)atomic_load(&b->weight), "outstanding",
                        (json_int_t)backend_outstanding(b), "latency_ms", isfinite(latency_ms) ? latency_ms : 0,
                        "below_qps_limit", (int)backend_has_token(b, q->worker->now_us), "chosen", (int)(b == q->backend));
  return o;
}

// The policy, what it saw and whom it chose.
static void
explain_say_choice(json_t *room, const struct query *q)
{
  const struct policy *policy = q->pool->policy;
  json_t *servers = json_array();
  for (uint32_t i = 0; i < q->pool->count; i++)
    json_array_append_new(servers, explain_server(q->pool->backends[i], q));
  json_object_set_new(room, "policy", explain_string(policy->name, strlen(policy->name)));
  json_object_set_new(room, "policy_rule", policy->help == NULL ? json_string("A script's") : json_string(policy->help));
  json_object_set_new(room, "servers", servers);
  if (q->backend != NULL)
    json_object_set_new(room, "server", explain_string(backend_full_name(q->backend), strlen(backend_full_name(q->backend))));
}

static void
explain_say_pool(json_t *room, const struct query *q)
{
  json_object_set_new(room, "pool", explain_string(q->pool_name, strlen(q->pool_name)));
  if (q->pool == NULL)
    return;
  json_object_set_new(room, "cache", json_string(q->pool->cache == NULL ? "none" : q->cache == NULL ? "skipped" : "used"));
  if (q->backend != NULL || q->rehearsal.untold)
    explain_say_choice(room, q);
}

static void
explain_say_lookup(json_t *room, const struct query *q)
{
  static const char hex[] = "0123456789abcdef";
  char key[17] = "";
  for (unsigned i = 0; i < 16; i++)
    key[i] = hex[q->key.hash >> (60 - 4 * i) & 15];
  json_object_set_new(room, "key", json_string(key));
  json_object_set_new(room, "result", json_string(!q->from_cache ? "miss" : q->stale ? "stale" : "hit"));
}

// What a room has to say beyond what it changed, into its object; what it saw is in the query.
static void
explain_room(json_t *room, enum room which, const struct query *q)
{
  switch (which) {
  case ROOM_DYNBLOCK:
    explain_say_blocks(room, q);
    break;
  case ROOM_CHOOSE_POOL:
    explain_say_pool(room, q);
    break;
  case ROOM_CACHE_LOOKUP:
    explain_say_lookup(room, q);
    break;
  case ROOM_CHOOSE_BACKEND:
    explain_say_choice(room, q);
    break;
  default:
    break;
  }
}

// ---- the walk ----

// One at a time on a thread, which holds the Lua lock.
struct explanation {
  json_t *rooms;
  json_t *room;        // that the query is in
  struct facts facts;  // as of the last change told
  struct text notes;   // of the guest
  bool untold;         // something on the way could not be told
};
static _Thread_local struct explanation *current;

// What scripts would have logged since the last time.
static void
explain_add_notes(json_t *o)
{
  if (current->notes.size == 0)
    return;
  json_object_set_new(o, "error", explain_string(current->notes.data, current->notes.size - 1));
  text_clear(&current->notes);
}

static void
explain_add_changes(json_t *o, const struct query *q)
{
  json_t *changes = facts_changes(&current->facts, q);
  if (changes != NULL)
    json_object_set_new(o, "changes", changes);
}

static bool
explain_is_untold(struct query *q, json_t *o)
{
  if (!q->rehearsal.untold)
    return false;
  current->untold = true;
  json_object_set_new(o, "untold", json_string("a script that may do more than look: not run (scripts=true runs it)"));
  return true;
}

// ---- rules ----

static json_t *
explain_shown(void (*show)(const void *, struct text *), const void *what)
{
  struct text text;
  text_init(&text);
  show(what, &text);
  json_t *s = explain_string(text.data, text.size);
  text_fini(&text);
  return s;
}

static void
explain_show_selector(const void *selector, struct text *out)
{
  selector_show(selector, out);
}

static void
explain_show_action(const void *action, struct text *out)
{
  action_show(action, out);
}

static json_t *
explain_rule_object(const struct rule *r, uint32_t position)
{
  char uuid[UUID_TEXT_SIZE];
  return json_pack("{s:i, s:o, s:s, s:o, s:o}", "position", (int)position, "name", explain_string(r->name, strlen(r->name)),
                   "uuid", uuid_text(&r->uuid, uuid), "selector", explain_shown(explain_show_selector, r->selector),
                   "action", explain_shown(explain_show_action, r->action));
}

static void
explain_add_state(json_t *o, const struct rule *r, const struct query *q)
{
  struct text seen;
  text_init(&seen);
  selector_see(r->selector, q, &seen);
  if (seen.size > 0)
    json_object_set_new(o, "sees", explain_string(seen.data, seen.size));
  text_fini(&seen);
}

static const char *
explain_verdict_word(enum verdict v, const struct query *q)
{
  switch (v) {
  case VERDICT_NEXT:
    return "goes on";
  case VERDICT_STOP:
    return "ends the chain";
  case VERDICT_DROP:
    return "drops";
  case VERDICT_PARKED:
    break;
  }
  return q->restart ? "asks again" : "waits";
}

static enum verdict
explain_action(json_t *o, const struct rule *r, struct query *q)
{
  enum verdict v = action_run(r->action, q);
  if (explain_is_untold(q, o))
    return VERDICT_NEXT;
  if (r->action->kind->effect == EFFECT_SENDS)
    json_object_set_new(o, "does", json_string("sends or logs (not now)"));
  json_object_set_new(o, "verdict", json_string(explain_verdict_word(v, q)));
  explain_add_changes(o, q);
  return v;
}

// A rule whose selector keeps something is told even if it does not match.
static enum verdict
explain_rule(json_t *list, const struct rule *r, uint32_t position, struct query *q)
{
  q->rehearsal.untold = false;
  bool match = selector_match(r->selector, q);
  bool keeps = selector_effect(r->selector) == EFFECT_STATE;
  if (!match && !keeps && !q->rehearsal.untold && current->notes.size == 0)
    return VERDICT_NEXT;
  json_t *o = explain_rule_object(r, position);
  json_array_append_new(list, o);
  explain_add_state(o, r, q);
  if (explain_is_untold(q, o)) {
    match = false;
  } else {
    json_object_set_new(o, "matches", json_boolean(match));
    if (match && q->selector_failed)
      return VERDICT_DROP;
  }
  enum verdict v = match ? explain_action(o, r, q) : VERDICT_NEXT;
  explain_add_notes(o);
  return v;
}

static enum verdict
explain_chain(const struct chain *chain, struct query *q)
{
  json_t *list = json_array();
  enum verdict v = VERDICT_NEXT;
  json_object_set_new(current->room, "of", json_integer(chain->count));
  json_object_set_new(current->room, "rules", list);
  for (uint32_t i = 0; i < chain->count && v == VERDICT_NEXT; i++)
    v = explain_rule(list, chain->rules[i], i, q);
  q->rehearsal.untold = false;
  return v == VERDICT_NEXT && q->selector_failed ? VERDICT_DROP : v;
}

// ---- rooms ----

static json_t *
explain_enter_list(enum room room)
{
  current->room = json_pack("{s:s, s:s}", "room", room_rows[room].label, "help", room_rows[room].help);
  json_array_append_new(current->rooms, current->room);
  return current->room;
}

// Rooms whose work is to leave something behind for others are walked past.
static enum room
explain_pass(enum room room)
{
  if (room == ROOM_RECORD)
    return ROOM_DYNBLOCK;
  return room == ROOM_CACHE_INSERT ? ROOM_FINISH : room;
}

// The backend's answer as the request wants it: the query turned around.
static enum room
explain_pretend_answer(const struct explain_request *r, struct query *q)
{
  struct answer_form form = query_answer_form(q, &(struct answer_flags)ANSWER_FLAGS_DEFAULT, 0);
  return compose_rcode(&q->packet, &form, (unsigned)r->rcode) ? ROOM_CHECK_ANSWER : ROOM_FORWARD;
}

static enum room
explain_walk_it(const struct explain_request *r, struct query *q)
{
  enum { ROOMS_MOST = 100 }; // rules may ask for another try, again and again
  enum room room = ROOM_DECODE;
  for (unsigned n = 0; n < ROOMS_MOST; n++) {
    room = explain_pass(room);
    if (room == ROOM_FORWARD && r->rcode >= 0)
      room = explain_pretend_answer(r, q);
    if (room >= ROOM_COUNT || room == ROOM_FORWARD || room == ROOM_REPLY)
      return room;
    json_t *o = explain_enter_list(room);
    q->rehearsal.untold = false;
    q->room = (uint8_t)room;
    enum room next = room_rows[room].enter(q);
    if (next < ROOM_COUNT)
      query_settle(q);
    explain_is_untold(q, o);
    explain_room(o, room, q);
    explain_add_changes(o, q);
    explain_add_notes(o);
    room = next;
  }
  return ROOM_PARKED;
}

// ---- the end ----

static json_t *
explain_end_of(enum room room, const struct query *q)
{
  switch (room) {
  case ROOM_FORWARD: {
    const char *name = backend_full_name(q->backend);
    return json_pack("{s:s, s:o, s:s}", "what", "forwarded", "server", explain_string(name, strlen(name)), "over",
                     backend_way(q->backend, q->over_tcp)->stream ? "TCP" : "UDP");
  }
  case ROOM_REPLY:
    return json_pack("{s:s, s:s}", "what", "answered", "by",
                     q->from_cache ? "the cache" : q->self_answered ? "a rule" : "the server");
  case ROOM_DROP:
    return json_pack("{s:s, s:s, s:s}", "what", "dropped", "why", drop_rows[q->drop].name, "sentence",
                     drop_rows[q->drop].sentence);
  default:
    return json_pack("{s:s}", "what", "endless");
  }
}

// ---- the query ----

enum { PACKET_CAPACITY = 65535 };

static void
explain_put_question(struct wire_buffer *p, const struct explain_request *r)
{
  memset(p->data, 0, HEADER_SIZE);
  p->data[2] = r->rd ? FLAG2_RD : 0;
  p->data[3] = (uint8_t)((r->ad ? FLAG3_AD : 0) | (r->cd ? FLAG3_CD : 0));
  message_set_count(p->data, 0, 1);
  memcpy(p->data + HEADER_SIZE, r->name.bytes, r->name.size);
  uint8_t *at = p->data + HEADER_SIZE + r->name.size;
  message_put_u16(at, r->type);
  message_put_u16(at + 2, r->class);
  p->size = (size_t)HEADER_SIZE + r->name.size + 4;
}

static void
explain_put_edns(struct wire_buffer *p, const struct explain_request *r)
{
  struct client_subnet subnet;
  bool added;
  if (r->payload == 0)
    return;
  message_add_opt(p, r->payload, 0, r->dnssec_ok, NULL, 0);
  if (!r->has_ecs)
    return;
  client_subnet_make(&subnet, &r->ecs.network, r->ecs.bits);
  message_set_option(p, EDNS_ECS, subnet.data, subnet.size, r->payload, &added);
}

static struct query *
explain_make_query(const struct explain_request *r, struct worker *guest)
{
  struct query *q = query_new(guest);
  uint8_t empty[HEADER_SIZE] = {0};
  if (q == NULL || !query_own_packet(q, empty, sizeof empty, PACKET_CAPACITY)) {
    if (q != NULL)
      query_free(&q);
    return NULL;
  }
  explain_put_question(&q->packet, r);
  explain_put_edns(&q->packet, r);
  q->lease = lease_begin(guest);
  const struct settings *settings = query_settings(q);
  q->subnet.override = settings->ecs_override;
  q->subnet.prefix_v4 = settings->ecs_prefix_v4;
  q->subnet.prefix_v6 = settings->ecs_prefix_v6;
  q->arrival.transport = r->tcp ? &transport_tcp : &transport_udp;
  q->arrival.peer = q->arrival.client = r->client;
  q->arrival.destination = r->local;
  q->received_us = guest->now_us;
  q->rehearsal.dry = true;
  q->rehearsal.scripts = r->scripts;
  // The room that decodes it says so again; what is compared with must be there before.
  memcpy(q->qname.bytes, r->name.bytes, r->name.size);
  q->qname.size = r->name.size;
  q->qtype = r->type;
  return q;
}

static json_t *
explain_query_object(const struct explain_request *r)
{
  char name[NAME_TEXT_SIZE], type[QTYPE_TEXT_SIZE], client[ADDRESS_TEXT_SIZE], local[ADDRESS_TEXT_SIZE];
  return json_pack("{s:s, s:s, s:i, s:s, s:s, s:s}", "name", name_text(&r->name, name), "type", qtype_text(r->type, type),
                   "class", (int)r->class, "client", address_text_with_port(&r->client, client), "local",
                   address_text_with_port(&r->local, local), "protocol", r->tcp ? "TCP" : "UDP");
}

// The ACL is asked before there is a query.
static enum room
explain_admit(struct query *q)
{
  json_t *o = explain_enter_list(ROOM_ADMIT);
  bool allowed = netmask_set_match(q->lease->snapshot->acl, &q->arrival.client);
  json_object_set_new(o, "allowed", json_boolean(allowed));
  if (!allowed)
    q->drop = DROP_ACL;
  return allowed ? ROOM_DECODE : ROOM_DROP;
}

static json_t *
explain_query(const struct explain_request *r, struct worker *guest)
{
  struct query *q = explain_make_query(r, guest);
  if (q == NULL)
    return NULL;
  facts_take(&current->facts, q);
  enum room room = explain_admit(q);
  if (room != ROOM_DROP)
    room = explain_walk_it(r, q);
  json_t *all = json_pack("{s:o, s:o, s:o, s:b}", "query", explain_query_object(r), "rooms", json_incref(current->rooms),
                          "end", explain_end_of(room, q), "untold", (int)current->untold);
  if (room == ROOM_REPLY)
    json_object_set_new(all, "answer", explain_answer(q));
  facts_fini(&current->facts);
  query_free(&q);
  return all;
}

json_t *
explain(const struct explain_request *r, struct snapshot *snapshot)
{
  struct explanation mine = {.rooms = json_array()};
  if (current != NULL) { // a script that explains while it is explained
    json_decref(mine.rooms);
    return NULL;
  }
  struct worker *guest = worker_guest();
  text_init(&mine.notes);
  guest->notes = &mine.notes;
  atomic_store(&guest->mailbox, object_ref(snapshot));
  snapshot_take(guest);
  current = &mine;
  run_chain_dry = explain_chain;
  epoch_visit();
  json_t *all = explain_query(r, guest);
  epoch_visit_end();
  current = NULL;
  leases_drop(guest);
  worker_free(&guest);
  json_decref(mine.rooms);
  text_fini(&mine.notes);
  return all;
}
