// SPDX-License-Identifier: BSD-2-Clause
// Reading the kernel's neighbours over rtnetlink(7) into a sorted array.
#include "dnsproxy/base/neighbours.h"

#include "dnsproxy/base/memory.h"

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FRESH_US = 1000000, RETRY_US = 100000 };

struct neighbour {
  uint8_t address[16]; // IPv4: 4, the rest 0
  uint8_t address_size, link_size;
  uint8_t link[LINK_ADDRESS_MAX];
  uint32_t interface;
};

struct neighbours {
  struct neighbour *rows; // sorted by address
  size_t count, capacity;
  bool is_read;
  uint64_t read_us;
};

static int
neighbours_compare(const void *a, const void *b)
{
  const struct neighbour *x = a, *y = b;
  if (x->address_size != y->address_size)
    return x->address_size < y->address_size ? -1 : 1;
  int order = memcmp(x->address, y->address, sizeof x->address);
  return order != 0 ? order : (x->interface > y->interface) - (x->interface < y->interface);
}

static void
neighbours_add_row(struct neighbours *n, const struct neighbour *row)
{
  if (n->count == n->capacity) {
    n->capacity = n->capacity == 0 ? 64 : n->capacity * 2;
    n->rows = memory_resize(n->rows, n->capacity, sizeof *n->rows);
  }
  n->rows[n->count++] = *row;
}

// One RTM_NEWNEIGH, if it has an address that is or was in use and leads to a link address.
static void
neighbours_add_message(struct neighbours *n, const struct nlmsghdr *message)
{
  const struct ndmsg *about = NLMSG_DATA(message);
  const int known = NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT;
  if (message->nlmsg_len < NLMSG_LENGTH(sizeof *about) || (about->ndm_state & known) == 0)
    return;
  struct neighbour row = {.interface = (uint32_t)about->ndm_ifindex};
  const struct rtattr *a = (const struct rtattr *)(const void *)((const char *)about + NLMSG_ALIGN(sizeof *about));
  for (size_t left = message->nlmsg_len - NLMSG_LENGTH(sizeof *about); RTA_OK(a, left); a = RTA_NEXT(a, left)) {
    size_t size = RTA_PAYLOAD(a);
    if (a->rta_type == NDA_DST && (size == 4 || size == 16)) {
      memcpy(row.address, RTA_DATA(a), size);
      row.address_size = (uint8_t)size;
    } else if (a->rta_type == NDA_LLADDR && size <= LINK_ADDRESS_MAX) {
      memcpy(row.link, RTA_DATA(a), size);
      row.link_size = (uint8_t)size;
    }
  }
  if (row.address_size > 0 && row.link_size > 0)
    neighbours_add_row(n, &row);
}

// False: the dump has ended, well or not.
static bool
neighbours_read_part(struct neighbours *n, int fd)
{
  _Alignas(struct nlmsghdr) char part[32768];
  ssize_t got = recv(fd, part, sizeof part, 0);
  if (got <= 0)
    return false;
  size_t left = (size_t)got;
  for (const struct nlmsghdr *m = (const struct nlmsghdr *)(const void *)part; NLMSG_OK(m, left); m = NLMSG_NEXT(m, left)) {
    if (m->nlmsg_type == NLMSG_DONE || m->nlmsg_type == NLMSG_ERROR)
      return false;
    if (m->nlmsg_type == RTM_NEWNEIGH)
      neighbours_add_message(n, m);
  }
  return true;
}

static void
neighbours_read_table(struct neighbours *n)
{
  const struct {
    struct nlmsghdr head;
    struct ndmsg about;
  } ask = {.head = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct ndmsg)), .nlmsg_type = RTM_GETNEIGH,
                    .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP}};
  n->count = 0;
  int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  if (fd < 0)
    return;
  if (send(fd, &ask, ask.head.nlmsg_len, 0) == (ssize_t)ask.head.nlmsg_len)
    while (neighbours_read_part(n, fd))
      ;
  close(fd);
  if (n->count > 0)
    qsort(n->rows, n->count, sizeof *n->rows, neighbours_compare);
}

// The first row at or behind the key.
static size_t
neighbours_lower_bound(const struct neighbours *n, const struct neighbour *key)
{
  size_t from = 0, to = n->count;
  while (from < to) {
    size_t middle = from + (to - from) / 2;
    if (neighbours_compare(&n->rows[middle], key) < 0)
      from = middle + 1;
    else
      to = middle;
  }
  return from;
}

static size_t
neighbours_look_up(const struct neighbours *n, const struct address *address, uint8_t *link)
{
  size_t size;
  const uint8_t *raw = address_raw(address, &size);
  struct neighbour key = {.address_size = (uint8_t)size,
                          .interface = address_is_v6(address) ? address->v6.sin6_scope_id : 0};
  memcpy(key.address, raw, size);
  size_t at = neighbours_lower_bound(n, &key);
  if (at == n->count || n->rows[at].address_size != size || memcmp(n->rows[at].address, raw, size) != 0 ||
      (key.interface != 0 && n->rows[at].interface != key.interface))
    return 0;
  memcpy(link, n->rows[at].link, n->rows[at].link_size);
  return n->rows[at].link_size;
}

struct neighbours *
neighbours_new(void)
{
  return memory_new(sizeof(struct neighbours));
}

void
neighbours_free(struct neighbours **slot)
{
  struct neighbours *n = *slot;
  *slot = NULL;
  if (n == NULL)
    return;
  free(n->rows);
  free(n);
}

static bool
neighbours_is_older(const struct neighbours *n, uint64_t now_us, uint64_t age_us)
{
  return !n->is_read || now_us >= n->read_us + age_us;
}

static void
neighbours_refresh(struct neighbours *n, uint64_t now_us)
{
  neighbours_read_table(n);
  n->is_read = true;
  n->read_us = now_us;
}

size_t
neighbours_find(struct neighbours *n, const struct address *address, uint64_t now_us, uint8_t link[LINK_ADDRESS_MAX])
{
  if (neighbours_is_older(n, now_us, FRESH_US))
    neighbours_refresh(n, now_us);
  size_t size = neighbours_look_up(n, address, link);
  if (size > 0 || !neighbours_is_older(n, now_us, RETRY_US))
    return size;
  neighbours_refresh(n, now_us);
  return neighbours_look_up(n, address, link);
}

size_t
neighbours_ask(const struct address *address, uint8_t link[LINK_ADDRESS_MAX])
{
  struct neighbours n = {.count = 0};
  neighbours_read_table(&n);
  size_t size = neighbours_look_up(&n, address, link);
  free(n.rows);
  return size;
}
