// SPDX-License-Identifier: BSD-2-Clause
// A walk over all entries of a cache.
#include "lua/classes/cache_search.h"

#include "dnsproxy/base/clock.h"
#include "dnsproxy/base/epoch.h"
#include "dnsproxy/wire/codes.h"

// Entries may go while they are looked at: reading is announced.
enum { LUA_READER = EPOCH_READERS - 2 };

void
cache_each(struct packet_cache *cache, void (*visit)(const struct packet_cache_entry *, void *), void *arg)
{
  epoch_enter(LUA_READER);
  packet_cache_each(cache, (uint32_t)(clock_mono_us() / 1000000), visit, arg);
  epoch_leave(LUA_READER);
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
cache_search_each_address(const struct packet_cache_entry *e, void (*visit)(struct search *, const struct address *),
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
cache_search_tell_address(struct search *s, const struct address *address)
{
  s->found_address(address, s->arg);
}

static void
cache_search_addresses_of_entry(const struct packet_cache_entry *e, void *arg)
{
  struct search *s = arg;
  if (name_equal(&e->qname, s->name))
    cache_search_each_address(e, cache_search_tell_address, s);
}

void
cache_addresses_of(struct packet_cache *cache, const struct name *name, void (*found)(const struct address *, void *), void *arg)
{
  cache_each(cache, cache_search_addresses_of_entry, &(struct search){.name = name, .found_address = found, .arg = arg});
}

static void
cache_search_compare_address(struct search *s, const struct address *address)
{
  s->hit |= address_equal_ip(address, s->address);
}

static void
cache_search_name_of_entry(const struct packet_cache_entry *e, void *arg)
{
  struct search *s = arg;
  s->hit = false;
  cache_search_each_address(e, cache_search_compare_address, s);
  if (s->hit)
    s->found_name(&e->qname, s->arg);
}

void
cache_names_of(struct packet_cache *cache, const struct address *address, void (*found)(const struct name *, void *), void *arg)
{
  cache_each(cache, cache_search_name_of_entry, &(struct search){.address = address, .found_name = found, .arg = arg});
}
