// SPDX-License-Identifier: BSD-2-Clause
// ffi.C: lists of recent queries and answers. From any state, without a lock; a list belongs to the script that asked for it.
#include "lua/scripts/dnsproxy_ffi.h"

#include "dnsproxy/base/clock.h"
#include "dnsproxy/guard/rings.h"

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
