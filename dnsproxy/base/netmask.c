// SPDX-License-Identifier: BSD-2-Clause
// Netmasks, and sets of them: per family a prefix tree, which can be changed, and an index of it for lookups.
#include "dnsproxy/base/netmask.h"

#include "dnsproxy/base/memory.h"
#include "dnsproxy/base/prefix_tree.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdlib.h>
#include <string.h>

// "8", "" (full length), "8x" (read as 8, as the dialect does). The dialect's number errors are another kind of error.
static bool
netmask_parse_bits(const char *text, unsigned most, uint8_t *bits, struct fault *f)
{
  static const char large[] = "The prefix length %s is too large, the maximum is %d";
  const char *digit = text;
  unsigned value = 0;
  if (*text == '\0') {
    *bits = (uint8_t)most;
    return true;
  }
  if (*text == '-')
    return fault_set(f, FAULT_CAUGHT, large, text, UINT8_MAX);
  if (*text < '0' || *text > '9')
    return fault_set(f, FAULT_CAUGHT, "stoull: the prefix length '%s' is not a number", text);
  for (; *digit >= '0' && *digit <= '9'; digit++) {
    value = value * 10 + (unsigned)(*digit - '0');
    if (value > UINT8_MAX)
      return fault_set(f, FAULT_CAUGHT, large, text, UINT8_MAX);
  }
  *bits = (uint8_t)(value < most ? value : most);
  return true;
}

// The part before the slash: an address without port or scope; four numbers, where an address may have fewer.
static bool
netmask_parse_network(struct address *a, const char *text, size_t size)
{
  char copy[ADDRESS_TEXT_SIZE];
  struct in_addr v4;
  if (size >= sizeof copy || memchr(text, '%', size) != NULL)
    return false;
  memcpy(copy, text, size);
  copy[size] = '\0';
  if (strchr(copy, ':') == NULL)
    return inet_pton(AF_INET, copy, &v4) == 1 && address_from_raw(a, &v4, sizeof v4, 0);
  return (copy[0] != '[' || copy[size - 1] == ']') && address_parse(a, copy, 0, NULL) && address_is_v6(a);
}

bool
netmask_parse(struct netmask *m, const char *text, struct fault *f)
{
  const char *start = *text == '!' ? text + 1 : text;
  size_t size = strcspn(start, "/");
  struct netmask parsed = {.negated = *text == '!'};
  const char *bits = start[size] == '/' ? start + size + 1 : "";
  if (!netmask_parse_network(&parsed.network, start, size))
    return fault_set(f, FAULT_ADDRESS, "Unable to convert '%s' to a netmask", text);
  if (!netmask_parse_bits(bits, address_is_v6(&parsed.network) ? 128 : 32, &parsed.bits, f))
    return false;
  address_truncate(&parsed.network, parsed.bits);
  *m = parsed;
  return true;
}

void
netmask_from_address(struct netmask *m, const struct address *a, unsigned bits)
{
  size_t count;
  const uint8_t *bytes = address_raw(a, &count);
  *m = (struct netmask){.bits = (uint8_t)(bits < count * 8 ? bits : count * 8)};
  address_from_raw(&m->network, bytes, count, 0);
  address_truncate(&m->network, m->bits);
}

void
netmask_text(const struct netmask *m, struct text *t)
{
  char network[ADDRESS_TEXT_SIZE];
  text_printf(t, "%s%s/%u", m->negated ? "!" : "", address_text(&m->network, network), m->bits);
}

bool
netmask_match(const struct netmask *m, const struct address *a)
{
  if (m->network.sa.sa_family != a->sa.sa_family)
    return false;
  struct address network = *a;
  address_truncate(&network, m->bits);
  return address_equal_ip(&m->network, &network);
}

bool
netmask_equal(const struct netmask *a, const struct netmask *b)
{
  return a->bits == b->bits && address_equal_ip(&a->network, &b->network);
}

// A set of netmasks: per family a prefix tree, which can be changed, and an index of it for lookups.

struct family {
  struct prefix_tree tree;
  _Atomic(struct prefix_index *) index; // NULL until netmask_set_build()
};

struct netmask_set {
  struct object object;
  struct family v4, v6;
};

static void
netmask_set_index_drop(struct family *f)
{
  struct prefix_index *index = atomic_load_explicit(&f->index, memory_order_relaxed);
  atomic_store_explicit(&f->index, NULL, memory_order_relaxed);
  prefix_index_free(&index);
}

static void
netmask_set_family_fini(struct family *f)
{
  netmask_set_index_drop(f);
  prefix_tree_fini(&f->tree);
}

static void
netmask_set_free(struct object *o)
{
  struct netmask_set *s = (struct netmask_set *)o;
  netmask_set_family_fini(&s->v4);
  netmask_set_family_fini(&s->v6);
  free(s);
}

const struct object_class netmask_set_class = {.name = "NetmaskGroup", .free = netmask_set_free};

static struct netmask_set *
netmask_set_alloc(void)
{
  struct netmask_set *s = memory_new(sizeof *s);
  object_init(&s->object, &netmask_set_class);
  return s;
}

struct netmask_set *
netmask_set_new(void)
{
  struct netmask_set *s = netmask_set_alloc();
  prefix_tree_init(&s->v4.tree);
  prefix_tree_init(&s->v6.tree);
  return s;
}

void
netmask_set_writable(struct netmask_set **set)
{
  if (object_refs(*set) == 1)
    return;
  struct netmask_set *copy = netmask_set_alloc();
  prefix_tree_copy(&copy->v4.tree, &(*set)->v4.tree);
  prefix_tree_copy(&copy->v6.tree, &(*set)->v6.tree);
  object_unref(set);
  *set = copy;
}

static inline uint64_t
netmask_set_load64(const uint8_t *p)
{
  uint64_t v;
  memcpy(&v, p, sizeof v);
  return be64toh(v);
}

static inline prefix_key
netmask_set_address_key(const struct address *a)
{
  if (a->sa.sa_family == AF_INET)
    return (prefix_key)ntohl(a->v4.sin_addr.s_addr) << 96;
  const uint8_t *bytes = a->v6.sin6_addr.s6_addr;
  return (prefix_key)netmask_set_load64(bytes) << 64 | netmask_set_load64(bytes + 8);
}

static struct address
netmask_set_key_address(prefix_key key, bool v6)
{
  uint8_t bytes[16];
  for (unsigned i = 0; i < sizeof bytes; i++)
    bytes[i] = (uint8_t)(key >> (120 - 8 * i));
  struct address a;
  address_from_raw(&a, bytes, v6 ? 16 : 4, 0);
  return a;
}

// The tree that is about to change.
static struct prefix_tree *
netmask_set_tree_of(struct netmask_set *s, const struct netmask *m)
{
  assert(address_is_set(&m->network));
  assert(object_refs(s) == 1); // others would read it while it changes
  struct family *f = address_is_v6(&m->network) ? &s->v6 : &s->v4;
  netmask_set_index_drop(f);
  return &f->tree;
}

void
netmask_set_add(struct netmask_set *s, const struct netmask *m)
{
  prefix_tree_add(netmask_set_tree_of(s, m), netmask_set_address_key(&m->network), m->bits,
                  m->negated ? PREFIX_NO : PREFIX_YES);
}

bool
netmask_set_remove(struct netmask_set *s, const struct netmask *m)
{
  return prefix_tree_remove(netmask_set_tree_of(s, m), netmask_set_address_key(&m->network), m->bits);
}

static void
netmask_set_add_one(const struct netmask *m, void *set)
{
  netmask_set_add(set, m);
}

void
netmask_set_add_all(struct netmask_set *s, const struct netmask_set *other)
{
  if (s != other)
    netmask_set_each(other, netmask_set_add_one, s);
}

void
netmask_set_clear(struct netmask_set *s)
{
  assert(object_refs(s) == 1);
  netmask_set_family_fini(&s->v4);
  netmask_set_family_fini(&s->v6);
}

size_t
netmask_set_count(const struct netmask_set *s)
{
  return s->v4.tree.count + s->v6.tree.count;
}

static void
netmask_set_family_build(struct family *f)
{
  // Release: a worker that sees the index sees what is in it.
  if (atomic_load_explicit(&f->index, memory_order_relaxed) == NULL)
    atomic_store_explicit(&f->index, prefix_index_new(&f->tree), memory_order_release);
}

void
netmask_set_build(struct netmask_set *s)
{
  netmask_set_family_build(&s->v4);
  netmask_set_family_build(&s->v6);
}

static inline bool
netmask_set_family_match(const struct family *f, const struct address *a)
{
  const struct prefix_index *index = atomic_load_explicit(&f->index, memory_order_acquire);
  if (index != NULL)
    return prefix_index_find(index, netmask_set_address_key(a));
  return prefix_tree_find(&f->tree, netmask_set_address_key(a)) == PREFIX_YES;
}

bool
netmask_set_match(const struct netmask_set *s, const struct address *a)
{
  if (a->sa.sa_family == AF_INET)
    return netmask_set_family_match(&s->v4, a);
  return a->sa.sa_family == AF_INET6 && netmask_set_family_match(&s->v6, a);
}

struct walk {
  void (*visit)(const struct netmask *, void *);
  void *arg;
  bool v6;
};

static void
netmask_set_visit_prefix(prefix_key key, unsigned bits, enum prefix_verdict verdict, void *arg)
{
  const struct walk *walk = arg;
  struct netmask m = {
      .network = netmask_set_key_address(key, walk->v6), .bits = (uint8_t)bits, .negated = verdict == PREFIX_NO};
  walk->visit(&m, walk->arg);
}

void
netmask_set_each(const struct netmask_set *s, void (*visit)(const struct netmask *, void *), void *arg)
{
  struct walk walk = {.visit = visit, .arg = arg};
  prefix_tree_each(&s->v4.tree, netmask_set_visit_prefix, &walk);
  walk.v6 = true;
  prefix_tree_each(&s->v6.tree, netmask_set_visit_prefix, &walk);
}

struct join {
  const char *separator;
  struct text *text;
  bool begun;
};

static void
netmask_set_join_one(const struct netmask *m, void *arg)
{
  struct join *join = arg;
  if (join->begun)
    text_puts(join->text, join->separator);
  join->begun = true;
  netmask_text(m, join->text);
}

void
netmask_set_text(const struct netmask_set *s, const char *separator, struct text *t)
{
  netmask_set_each(s, netmask_set_join_one, &(struct join){.separator = separator, .text = t});
}
