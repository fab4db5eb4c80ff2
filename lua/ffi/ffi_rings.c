// SPDX-License-Identifier: BSD-2-Clause
// ffi.C: lists of recent queries and answers, and the names that a visitor of dynamic blocks looks at.
//
// A list is read out of the rings of all workers when it is asked for, without a lock, and belongs to the script: it is
// freed by the function for it, or with its state. Entries are read by number; a number that is not there gives zero or
// NULL. Texts in an entry (name, address) are made when they are asked for, into room of the list that the next question
// overwrites.
//
// A node is only something during the visit: the pointer leads to the values that the walk over the rings has on its stack.
//
// Any state, any thread that runs one.
#include "dnsproxy/base/clock.h"
#include "dnsproxy/guard/dynblock_group.h"
#include "dnsproxy/guard/rings.h"
#include "lua/scripts/dnsproxy_ffi.h"
#include "lua/scripts/ffi_frame.h"

#include <stdlib.h>
#include <string.h>

// The texts are made when the list is: entries do not change any more.
struct item {
  struct ring_entry entry;
  double age_s;
  char *name;
  char requestor[ADDRESS_TEXT_SIZE], backend[ADDRESS_TEXT_SIZE];
};
struct dnsdist_ffi_ring_entry_list_t {
  size_t count;
  struct item items[];
};

static bool
ffi_rings_item_init(struct item *item, const struct ring_entry *e, uint64_t now_us)
{
  char name[NAME_TEXT_SIZE];
  item->entry = *e;
  item->age_s = now_us > e->when_us ? (double)(now_us - e->when_us) / 1e6 : 0;
  address_text_with_port(&e->client, item->requestor);
  if (e->kind == RING_ANSWERS)
    address_text_with_port(&e->backend, item->backend);
  return (item->name = strdup(name_text(&e->qname, name))) != NULL;
}

static void
ffi_rings_list_add(dnsdist_ffi_ring_entry_list_t *list, const struct ring_entry *entries, size_t count,
                   const struct address *client)
{
  uint64_t now_us = clock_mono_us();
  for (size_t i = 0; i < count; i++)
    if ((client == NULL || address_equal_ip(&entries[i].client, client)) &&
        ffi_rings_item_init(&list->items[list->count], &entries[i], now_us))
      list->count++;
}

// NULL `client`: everybody's. An empty list is none.
static size_t
ffi_rings_list_new(const struct address *client, dnsdist_ffi_ring_entry_list_t **out)
{
  size_t count;
  struct ring_entry *entries = ring_read_both(0, &count);
  dnsdist_ffi_ring_entry_list_t *list = calloc(1, sizeof *list + count * sizeof list->items[0]);
  if (list != NULL)
    ffi_rings_list_add(list, entries, count, client);
  free(entries);
  count = list == NULL ? 0 : list->count;
  *out = count > 0 ? list : NULL;
  if (count == 0)
    free(list);
  return count;
}

size_t
dnsdist_ffi_ring_get_entries(dnsdist_ffi_ring_entry_list_t **out)
{
  return out == NULL ? 0 : ffi_rings_list_new(NULL, out);
}

size_t
dnsdist_ffi_ring_get_entries_by_addr(const char *addr, dnsdist_ffi_ring_entry_list_t **out)
{
  struct address client;
  if (addr == NULL || out == NULL || !address_parse(&client, addr, 0, NULL))
    return 0;
  return ffi_rings_list_new(&client, out);
}

// MAC addresses are not recorded.
size_t
dnsdist_ffi_ring_get_entries_by_mac(const char *addr, dnsdist_ffi_ring_entry_list_t **out)
{
  (void)addr;
  if (out != NULL)
    *out = NULL;
  return 0;
}

void
dnsdist_ffi_ring_entry_list_free(dnsdist_ffi_ring_entry_list_t *list)
{
  for (size_t i = 0; list != NULL && i < list->count; i++)
    free(list->items[i].name);
  free(list);
}

// ---- members ----

// NULL: there is no such entry.
static const struct item *
ffi_rings_item_at(const dnsdist_ffi_ring_entry_list_t *list, size_t idx)
{
  return list == NULL || idx >= list->count ? NULL : &list->items[idx];
}

static const uint8_t *
ffi_rings_header_at(const dnsdist_ffi_ring_entry_list_t *list, size_t idx)
{
  static const uint8_t none[HEADER_SIZE];
  const struct item *item = ffi_rings_item_at(list, idx);
  return item == NULL ? none : item->entry.header;
}

#define LIST const dnsdist_ffi_ring_entry_list_t *list, size_t idx
#define GET(type, name, value, none)                                                                                        \
  type dnsdist_ffi_ring_entry_##name(LIST)                                                                                  \
  {                                                                                                                         \
    const struct item *item = ffi_rings_item_at(list, idx);                                                                 \
    return item == NULL ? (none) : (value);                                                                                 \
  }
#define GET_HEADER(type, name, value)                                                                                       \
  type dnsdist_ffi_ring_entry_##name(LIST)                                                                                  \
  {                                                                                                                         \
    const uint8_t *m = ffi_rings_header_at(list, idx);                                                                      \
    return (type)(value);                                                                                                   \
  }

GET(bool, is_response, item->entry.kind == RING_ANSWERS, false)
GET(double, get_age, item->age_s, 0)
GET(const char *, get_name, item->name, NULL)
GET(uint16_t, get_type, item->entry.qtype, 0)
GET(const char *, get_requestor, item->requestor, NULL)
GET(const char *, get_backend, item->backend, NULL)
GET(uint8_t, get_protocol, (uint8_t)item->entry.protocol->number, 0)
GET(uint16_t, get_size, item->entry.size, 0)
// Microseconds that fit: a time-out is the largest number.
GET(uint16_t, get_latency, (uint16_t)(item->entry.latency_us < UINT16_MAX ? item->entry.latency_us : UINT16_MAX), 0)
GET_HEADER(uint16_t, get_id, message_id(m))
// 255 for a time-out: no answer has that.
GET(uint8_t, get_rcode, ring_entry_timed_out(&item->entry) ? UINT8_MAX : (uint8_t)ring_entry_rcode(&item->entry), 0)
GET_HEADER(bool, get_aa, (m[2] & FLAG2_AA) != 0)
GET_HEADER(bool, get_rd, (m[2] & FLAG2_RD) != 0)
GET_HEADER(bool, get_tc, (m[2] & FLAG2_TC) != 0)
GET_HEADER(uint16_t, get_ancount, message_count(m, 1))
GET_HEADER(uint16_t, get_nscount, message_count(m, 2))
GET_HEADER(uint16_t, get_arcount, message_count(m, 3))
GET(bool, has_mac_address, false, false)
GET(const char *, get_mac_address, NULL, NULL)

// ---- the names that a visitor of dynamic blocks looks at. A node is only something during the visit ----

static const struct stat_node *
ffi_rings_of(const dnsdist_ffi_stat_node_t *n)
{
  return n == NULL ? NULL : n->node;
}

#define COUNTS(field, own, of_all)                                                                                          \
  uint64_t dnsdist_ffi_stat_node_get_##own(const dnsdist_ffi_stat_node_t *n)                                                \
  {                                                                                                                         \
    return ffi_rings_of(n) == NULL ? 0 : n->node->self.field * n->weight;                                               \
  }                                                                                                                         \
  uint64_t dnsdist_ffi_stat_node_get_children_##of_all(const dnsdist_ffi_stat_node_t *n)                                    \
  {                                                                                                                         \
    return ffi_rings_of(n) == NULL ? 0 : n->node->all.field * n->weight;                                                \
  }
COUNTS(queries, queries_count, queries_count)
COUNTS(noerrors, noerrors_count, noerrors_count)
COUNTS(nxdomains, nxdomains_count, nxdomains_count)
COUNTS(servfails, servfails_count, servfails_count)
COUNTS(drops, drops_count, drops_count)
COUNTS(bytes, bytes, bytes_count)
COUNTS(hits, hits, hits)

unsigned int
dnsdist_ffi_stat_node_get_labels_count(const dnsdist_ffi_stat_node_t *n)
{
  return ffi_rings_of(n) == NULL ? 0 : n->node->labels;
}

unsigned int
dnsdist_ffi_stat_node_get_children_count(const dnsdist_ffi_stat_node_t *n)
{
  return ffi_rings_of(n) == NULL ? 0 : n->node->children;
}

// As text, for all its name: what StatNode.fullname has.
void
dnsdist_ffi_stat_node_get_full_name_raw(const dnsdist_ffi_stat_node_t *n, const char **name, size_t *size)
{
  bool there = ffi_rings_of(n) != NULL;
  if (name != NULL)
    *name = there ? n->full_name : NULL;
  if (size != NULL)
    *size = there ? strlen(n->full_name) : 0;
}

void
dnsdist_ffi_state_node_set_reason(dnsdist_ffi_stat_node_t *n, const char *reason, size_t size)
{
  if (ffi_rings_of(n) == NULL || reason == NULL || size > UINT16_MAX)
    return;
  char *room = ffi_list_room(&n->reason_bytes, size + 1);
  if (room == NULL)
    return;
  memcpy(room, reason, size);
  room[size] = '\0';
  n->reason = room;
}

void
dnsdist_ffi_state_node_set_action(dnsdist_ffi_stat_node_t *n, int action)
{
  if (ffi_rings_of(n) != NULL && action >= 0 && action <= DNS_ACTION_SET_TAG)
    n->action = action;
}
