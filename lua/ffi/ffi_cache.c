// SPDX-License-Identifier: BSD-2-Clause
// ffi.C: what the packet caches hold. Takes the Lua lock, as the methods of PacketCache do.
#include "lua/scripts/dnsproxy_ffi.h"

#include "dnsproxy/config/snapshot.h"
#include "lua/classes/cache_search.h"
#include "lua/scripts/control_state.h"

#include <stdlib.h>
#include <string.h>

// Both kinds of lists: texts, one after the other.
struct texts {
  size_t count, capacity;
  char **items;
};
struct dnsdist_ffi_domain_list_t {
  struct texts texts;
};
struct dnsdist_ffi_address_list_t {
  struct texts texts;
};

static void
ffi_cache_texts_add(struct texts *t, const char *text)
{
  if (t->count == t->capacity) {
    size_t capacity = 2 * t->capacity + 16;
    char **more = realloc(t->items, capacity * sizeof *more);
    if (more == NULL)
      return;
    t->items = more;
    t->capacity = capacity;
  }
  char *copy = strdup(text);
  if (copy != NULL)
    t->items[t->count++] = copy;
}

static void
ffi_cache_texts_fini(struct texts *t)
{
  for (size_t i = 0; i < t->count; i++)
    free(t->items[i]);
  free(t->items);
}

static void
ffi_cache_add_name(const struct name *name, void *arg)
{
  char text[NAME_TEXT_SIZE];
  ffi_cache_texts_add(arg, name_text(name, text));
}

static void
ffi_cache_add_address(const struct address *address, void *arg)
{
  char text[ADDRESS_TEXT_SIZE];
  ffi_cache_texts_add(arg, address_text(address, text));
}

// A reference to the newest configuration in *snapshot, which the caller drops. NULL: no such pool, or no cache.
static struct packet_cache *
ffi_cache_of(const char *pool_name, struct snapshot **snapshot)
{
  *snapshot = pool_name == NULL ? NULL : snapshot_current();
  const struct pool *pool = *snapshot == NULL ? NULL : pool_find((*snapshot)->pools, pool_name);
  return pool == NULL ? NULL : pool->cache;
}

size_t
dnsdist_ffi_packetcache_get_domain_list_by_addr(const char *pool, const char *addr, dnsdist_ffi_domain_list_t **out)
{
  struct address address;
  struct snapshot *snapshot;
  size_t count = 0;
  if (addr == NULL || out == NULL || !address_parse(&address, addr, 0, NULL))
    return 0;
  struct packet_cache *cache = ffi_cache_of(pool, &snapshot);
  dnsdist_ffi_domain_list_t *list = cache == NULL ? NULL : calloc(1, sizeof *list);
  if (list != NULL) {
    control_lock();
    cache_names_of(cache, &address, ffi_cache_add_name, &list->texts);
    control_unlock();
    count = list->texts.count;
    if (count == 0) // scripts free what they got something in
      dnsdist_ffi_domain_list_free(list);
    *out = count == 0 ? NULL : list;
  }
  object_unref(&snapshot);
  return count;
}

size_t
dnsdist_ffi_packetcache_get_address_list_by_domain(const char *pool, const char *domain, dnsdist_ffi_address_list_t **out)
{
  struct name name;
  struct snapshot *snapshot;
  size_t count = 0;
  if (domain == NULL || out == NULL || !name_from_text(&name, domain, strlen(domain), NULL))
    return 0;
  struct packet_cache *cache = ffi_cache_of(pool, &snapshot);
  dnsdist_ffi_address_list_t *list = cache == NULL ? NULL : calloc(1, sizeof *list);
  if (list != NULL) {
    control_lock();
    cache_addresses_of(cache, &name, ffi_cache_add_address, &list->texts);
    control_unlock();
    count = list->texts.count;
    if (count == 0)
      dnsdist_ffi_address_list_free(list);
    *out = count == 0 ? NULL : list;
  }
  object_unref(&snapshot);
  return count;
}

const char *
dnsdist_ffi_domain_list_get(const dnsdist_ffi_domain_list_t *list, size_t i)
{
  return list == NULL || i >= list->texts.count ? NULL : list->texts.items[i];
}

const char *
dnsdist_ffi_address_list_get(const dnsdist_ffi_address_list_t *list, size_t i)
{
  return list == NULL || i >= list->texts.count ? NULL : list->texts.items[i];
}

void
dnsdist_ffi_domain_list_free(dnsdist_ffi_domain_list_t *list)
{
  if (list != NULL)
    ffi_cache_texts_fini(&list->texts);
  free(list);
}

void
dnsdist_ffi_address_list_free(dnsdist_ffi_address_list_t *list)
{
  if (list != NULL)
    ffi_cache_texts_fini(&list->texts);
  free(list);
}
