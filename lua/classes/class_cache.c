// SPDX-License-Identifier: BSD-2-Clause
// PacketCache and newPacketCache(): a cache in the hands of scripts, and looking through all of its entries.
//
// The object is a counted handle of cache/packet_cache: setCache() gives a pool a reference, and a cache lives as long as a
// pool or a script has one. Its figures are sums that are read while workers count. Options are fixed when it is made; those
// that would have no sense are told.
//
// Expunging and looking through walk over all entries while workers look up and store. Reading is announced in an epoch,
// under a number that all scripts share, which the Lua lock makes possible: so entries that vanish meanwhile stay readable.
// Searching by name or by address is a walk like any other: it takes time in proportion to the cache, and is not for
// packets.
//
// Lua lock.
#include "lua/classes/classes.h"

#include "dnsproxy/base/address.h"
#include "dnsproxy/base/clock.h"
#include "dnsproxy/base/epoch.h"
#include "dnsproxy/base/text.h"
#include "dnsproxy/cache/packet_cache.h"
#include "dnsproxy/wire/codes.h"
#include "lua/binder/classes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// ---- a walk over all entries of a cache ----

// Entries may go while they are looked at: a visit is announced.
void
cache_each(struct packet_cache *cache, void (*visit)(const struct packet_cache_entry *, void *), void *arg)
{
  epoch_visit();
  packet_cache_each(cache, (uint32_t)(clock_mono_us() / 1000000), visit, arg);
  epoch_visit_end();
}

struct search {
  const struct name *name;
  const struct address *address;
  void (*found_address)(const struct address *, void *);
  void (*found_name)(const struct name *, void *);
  void *arg;
  bool hit;
};

static void
class_cache_each_address(const struct packet_cache_entry *e, void (*visit)(struct search *, const struct address *),
                         struct search *s)
{
  struct record_walk walk;
  struct record r;
  struct address address;
  if (message_rcode(e->answer) != RCODE_NOERROR || !record_walk_init(&walk, e->answer, e->size))
    return;
  while (record_next(&walk, &r))
    if ((r.type == QTYPE_A && r.rdata_size == 4) || (r.type == QTYPE_AAAA && r.rdata_size == 16))
      if (address_from_raw(&address, e->answer + r.rdata, r.rdata_size, 0))
        visit(s, &address);
}

static void
class_cache_tell_address(struct search *s, const struct address *address)
{
  s->found_address(address, s->arg);
}

static void
class_cache_addresses_of_entry(const struct packet_cache_entry *e, void *arg)
{
  struct search *s = arg;
  if (name_equal(&e->qname, s->name))
    class_cache_each_address(e, class_cache_tell_address, s);
}

void
cache_addresses_of(struct packet_cache *cache, const struct name *name, void (*found)(const struct address *, void *), void *arg)
{
  cache_each(cache, class_cache_addresses_of_entry, &(struct search){.name = name, .found_address = found, .arg = arg});
}

static void
class_cache_compare_address(struct search *s, const struct address *address)
{
  s->hit |= address_equal_ip(address, s->address);
}

static void
class_cache_name_of_entry(const struct packet_cache_entry *e, void *arg)
{
  struct search *s = arg;
  s->hit = false;
  class_cache_each_address(e, class_cache_compare_address, s);
  if (s->hit)
    s->found_name(&e->qname, s->arg);
}

void
cache_names_of(struct packet_cache *cache, const struct address *address, void (*found)(const struct name *, void *), void *arg)
{
  cache_each(cache, class_cache_name_of_entry, &(struct search){.address = address, .found_name = found, .arg = arg});
}

// ---- PacketCache and newPacketCache() ----

static uint32_t
class_cache_now_s(void)
{
  return (uint32_t)(clock_mono_us() / 1000000);
}

// Entries may go while they are looked at: reading is announced. Console and scripts share one reader's place, under
// the Lua lock.
static int
class_cache_expunge(struct call *c)
{
  int64_t keep = c->args[0].integer;
  epoch_visit();
  size_t gone = packet_cache_expunge(c->self, keep < 0 ? 0 : (size_t)keep);
  epoch_visit_end();
  lua_pushnumber(c->lua, (double)gone);
  return 1;
}

static int
class_cache_purge_expired(struct call *c)
{
  int64_t keep = c->args[0].integer;
  epoch_visit();
  size_t gone = packet_cache_purge_expired(c->self, keep < 0 ? 0 : (size_t)keep, class_cache_now_s());
  epoch_visit_end();
  lua_pushnumber(c->lua, (double)gone);
  return 1;
}

static int
class_cache_expunge_by_name(struct call *c)
{
  epoch_visit();
  size_t gone = packet_cache_expunge_name(c->self, c->args[0].object, (uint16_t)c->args[1].integer, c->args[2].boolean);
  epoch_visit_end();
  text_printf(binder_output(), "Expunged %zu records\n", gone);
  return 0;
}

// ---- figures ----

struct figure {
  const char *key, *label; // label NULL: not printed as a line of its own
  size_t offset;
};
static const struct figure figures[] = {
#define FIGURE(name, words, field) {name, words, offsetof(struct packet_cache_stats, field)}
    FIGURE("entries", NULL, entries),
    FIGURE("maxEntries", NULL, max_entries),
    FIGURE("hits", "Hits", hits),
    FIGURE("misses", "Misses", misses),
    FIGURE("deferredInserts", "Deferred inserts", deferred_inserts),
    FIGURE("deferredLookups", "Deferred lookups", deferred_lookups),
    FIGURE("lookupCollisions", "Lookup Collisions", lookup_collisions),
    FIGURE("insertCollisions", "Insert Collisions", insert_collisions),
    FIGURE("ttlTooShorts", "TTL Too Shorts", ttl_too_shorts),
    FIGURE("cleanupCount", "Cleanup Count", cleanup_count),
    FIGURE("evictions", "Evictions", evictions),
};

static uint64_t
class_cache_figure_of(const struct packet_cache_stats *stats, const struct figure *figure)
{
  return *(const uint64_t *)(const void *)((const char *)stats + figure->offset);
}

static int
class_cache_get_stats(struct call *c)
{
  struct packet_cache_stats stats;
  packet_cache_stats(c->self, &stats);
  lua_newtable(c->lua);
  for (size_t i = 0; i < sizeof figures / sizeof *figures; i++) {
    lua_pushnumber(c->lua, (double)class_cache_figure_of(&stats, &figures[i]));
    lua_setfield(c->lua, -2, figures[i].key);
  }
  return 1;
}

static int
class_cache_print_stats(struct call *c)
{
  struct packet_cache_stats stats;
  packet_cache_stats(c->self, &stats);
  text_printf(binder_output(), "Entries: %llu/%llu\n", (unsigned long long)stats.entries,
              (unsigned long long)stats.max_entries);
  for (size_t i = 0; i < sizeof figures / sizeof *figures; i++)
    if (figures[i].label != NULL)
      text_printf(binder_output(), "%s: %llu\n", figures[i].label,
                  (unsigned long long)class_cache_figure_of(&stats, &figures[i]));
  return 0;
}

static int
class_cache_is_full(struct call *c)
{
  struct packet_cache_stats stats;
  packet_cache_stats(c->self, &stats);
  lua_pushboolean(c->lua, stats.entries >= stats.max_entries);
  return 1;
}

static int
class_cache_to_string(struct call *c)
{
  struct packet_cache_stats stats;
  char text[48];
  packet_cache_stats(c->self, &stats);
  snprintf(text, sizeof text, "%llu/%llu", (unsigned long long)stats.entries, (unsigned long long)stats.max_entries);
  lua_pushstring(c->lua, text);
  return 1;
}

// ---- content ----

struct dump {
  FILE *file;
  bool raw;
  uint64_t zero_s; // wall time of monotonic second 0
  size_t count;
};

static void
class_cache_dump_entry(const struct packet_cache_entry *e, void *arg)
{
  struct dump *d = arg;
  char name[NAME_TEXT_SIZE], type[QTYPE_TEXT_SIZE], rcode[RCODE_TEXT_SIZE];
  struct text subnet;
  text_init(&subnet);
  if (e->has_ecs)
    netmask_text(&e->ecs, &subnet);
  d->count++;
  fprintf(d->file,
          "%s %lld %s %s ; ecs %s, rcode %s, key %llu, length %zu, received over UDP %d, added %llu, dnssecOK %d, raw "
          "query flags %u",
          name_text(&e->qname, name), (long long)e->ttl_left_s, e->qclass == QCLASS_IN ? "IN" : "CLASS",
          qtype_text(e->qtype, type), subnet.size > 0 ? subnet.data : "-", rcode_text(message_rcode(e->answer), rcode, sizeof rcode),
          (unsigned long long)e->hash, e->size, e->received_over_udp,
          (unsigned long long)(d->zero_s + e->added_s), e->dnssec_ok, message_u16(e->flags));
  text_fini(&subnet);
  if (d->raw) {
    size_t room = BASE64_TEXT_SIZE(e->size);
    char *text = malloc(room);
    if (text != NULL && base64_encode(text, room, e->answer, e->size) >= 0)
      fprintf(d->file, ", base64response %s", text);
    free(text);
  }
  fputc('\n', d->file);
}

static int
class_cache_dump(struct call *c)
{
  struct dump d = {.raw = c->args[1].boolean, .zero_s = (clock_wall_us() - clock_mono_us()) / 1000000};
  int fd = open(c->args[0].string.data, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
  if (fd < 0 || (d.file = fdopen(fd, "w")) == NULL) {
    int error = errno;
    if (fd >= 0)
      close(fd);
    binder_refuse(c->function->name, "Error opening dump file for writing: %s", strerror(error));
    return 0;
  }
  fputs("; dnsproxy's packet cache dump follows\n;\n", d.file);
  cache_each(c->self, class_cache_dump_entry, &d);
  bool good = fclose(d.file) == 0;
  text_printf(binder_output(), good ? "Dumped %zu records\n" : "Error writing the dump after %zu records\n", d.count);
  return 0;
}

// A list being filled, on top of the stack.
struct list {
  lua_State *lua;
  int count;
};

static void
class_cache_push_address(const struct address *address, void *arg)
{
  struct list *l = arg;
  *(struct address *)binder_push_value(l->lua, &class_address) = *address;
  lua_rawseti(l->lua, -2, ++l->count);
}

static int
class_cache_get_addresses(struct call *c)
{
  lua_newtable(c->lua);
  cache_addresses_of(c->self, c->args[0].object, class_cache_push_address, &(struct list){.lua = c->lua});
  return 1;
}

static void
class_cache_push_name(const struct name *name, void *arg)
{
  struct list *l = arg;
  *(struct name *)binder_push_value(l->lua, &class_name) = *name;
  lua_rawseti(l->lua, -2, ++l->count);
}

static int
class_cache_get_names(struct call *c)
{
  lua_newtable(c->lua);
  cache_names_of(c->self, c->args[0].object, class_cache_push_name, &(struct list){.lua = c->lua});
  return 1;
}

#define COUNT_PARAMS PARAMS({.name = "keep", .type = PARAM_INT, PARAM_NO_LIMIT_64, .unit = "entries"})
#define NAME_PARAMS                                                                                                    \
  PARAMS({.name = "name", .type = PARAM_NAME},                                                                         \
         {.name = "qtype", .type = PARAM_QTYPE, .optional = true, .fallback = "ANY"},                                  \
         {.name = "suffixMatch", .type = PARAM_BOOL, .optional = true, .fallback = "false"})
#define DUMP_PARAMS                                                                                                    \
  PARAMS({.name = "path", .type = PARAM_STRING},                                                                       \
         {.name = "rawResponse", .type = PARAM_BOOL, .optional = true, .fallback = "false"})

// One row per method; `call` of a cache, and what the hollow handle of a pool without one does.
#define CACHE_METHODS(METHOD)                                                                                               \
  METHOD("dump", "Write a summary to a new file", DUMP_PARAMS, NULL, 0, class_cache_dump, class_cache_nothing)              \
  METHOD("expunge", "Remove entries until so many remain", COUNT_PARAMS, "integer", 0, class_cache_expunge,                 \
         class_cache_zero)                                                                                                  \
  METHOD("expungeByName", "Remove the entries of a name", NAME_PARAMS, NULL, 0, class_cache_expunge_by_name,                \
         class_cache_nothing)                                                                                               \
  METHOD("getAddressListByDomain", "Addresses in the cached answers for a name",                                            \
         PARAMS({.name = "name", .type = PARAM_NAME}), "table", FUNCTION_NO_EFFECT, class_cache_get_addresses,              \
         class_cache_table)                                                                                                 \
  METHOD("getDomainListByAddress", "Cached names whose answers hold an address",                                            \
         PARAMS({.name = "address", .type = PARAM_ADDRESS}), "table", FUNCTION_NO_EFFECT, class_cache_get_names,            \
         class_cache_table)                                                                                                 \
  METHOD("getStats", "Its figures", NULL, "table", FUNCTION_NO_EFFECT, class_cache_get_stats, class_cache_table)            \
  METHOD("printStats", "Print its figures", NULL, NULL, FUNCTION_NO_EFFECT, class_cache_print_stats, class_cache_nothing)   \
  METHOD("isFull", "Is the maximum reached", NULL, "boolean", FUNCTION_NO_EFFECT, class_cache_is_full, class_cache_no)      \
  METHOD("purgeExpired", "Remove expired entries until so many remain", COUNT_PARAMS, "integer", 0,                         \
         class_cache_purge_expired, class_cache_zero)                                                                       \
  METHOD("toString", "Entries and maximum", NULL, "string", FUNCTION_NO_EFFECT, class_cache_to_string, class_cache_empty)

static int
class_cache_nothing(struct call *c)
{
  (void)c;
  return 0;
}

static int
class_cache_zero(struct call *c)
{
  lua_pushinteger(c->lua, 0);
  return 1;
}

static int
class_cache_no(struct call *c)
{
  lua_pushboolean(c->lua, false);
  return 1;
}

static int
class_cache_table(struct call *c)
{
  lua_newtable(c->lua);
  return 1;
}

static int
class_cache_empty(struct call *c)
{
  lua_pushliteral(c->lua, "");
  return 1;
}

#define OF_CACHE(word, text, rows, gives, marks, real, hollow)                                                         \
  {.name = word, .help = text, .params = rows, .returns = gives, .flags = marks, .call = real},
#define OF_NONE(word, text, rows, gives, marks, real, hollow)                                                          \
  {.name = word, .help = text, .params = rows, .returns = gives, .flags = marks, .call = hollow},

static const struct lua_function methods[] = {CACHE_METHODS(OF_CACHE){.name = NULL}};
static const struct lua_function hollow_methods[] = {CACHE_METHODS(OF_NONE){.name = NULL}};

const struct lua_class class_cache = {
    .name = "PacketCache", .help = "A cache of answers", .object = &packet_cache_class, .methods = methods};
const struct lua_class class_no_cache = {
    .name = "PacketCache", .help = "What a pool without a cache answers with", .size = 1, .methods = hollow_methods};
