// SPDX-License-Identifier: BSD-2-Clause
// Neighbours over rtnetlink(7): reading the table, following its changes, pages for workers.
#include "dnsproxy/base/neighbours.h"

#include "dnsproxy/base/epoch.h"
#include "dnsproxy/base/hash.h"
#include "dnsproxy/base/log.h"
#include "dnsproxy/base/memory.h"
#include "dnsproxy/base/random.h"

#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { PAGES = 1024, PART_SIZE = 32768, EVENTS_ROOM = 1 << 20, AGAIN_MS = 1000 };

struct neighbour { // without holes: compared as bytes
  uint32_t interface;
  uint8_t address[16]; // IPv4: 4, the rest 0
  uint8_t address_size, link_size;
  uint8_t link[LINK_ADDRESS_MAX], unused[2];
};

struct neighbour_rows {
  struct neighbour *items;
  size_t count, capacity;
};

// Sorted; not changed any more once it is in its place.
struct neighbour_page {
  struct neighbour_page *next; // of the retired
  uint64_t stamp;
  size_t count;
  struct neighbour rows[];
};

enum watch_state { WATCH_NONE, WATCH_STARTING, WATCH_FILLED };

static struct {
  _Atomic(struct neighbour_page *) pages[PAGES]; // NULL: no rows
  _Atomic int state;
  _Atomic bool wanted;  // somebody asks, or will
  _Atomic bool open;    // the thread may start
  _Atomic bool refused; // it could not, and that was told
  uint64_t seed;
  pthread_t thread;
  int stop_fd;
  // for those who wait until it is filled, or cannot be
  pthread_mutex_t lock;
  pthread_cond_t started;
  // the thread's
  int events; // netlink socket that is told of changes; -1: none
  bool stale; // the whole table has to be read
  bool told;  // that it cannot be
  struct neighbour_page *retired;
} watch = {.lock = PTHREAD_MUTEX_INITIALIZER, .started = PTHREAD_COND_INITIALIZER, .events = -1};

// ---- rows ----

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
neighbours_add_row(struct neighbour_rows *n, const struct neighbour *row)
{
  if (n->count == n->capacity) {
    n->capacity = n->capacity == 0 ? 64 : n->capacity * 2;
    n->items = memory_resize(n->items, n->capacity, sizeof *n->items);
  }
  n->items[n->count++] = *row;
}

// The first row at or behind the key.
static size_t
neighbours_lower_bound(const struct neighbour *rows, size_t count, const struct neighbour *key)
{
  size_t from = 0, to = count;
  while (from < to) {
    size_t middle = from + (to - from) / 2;
    if (neighbours_compare(&rows[middle], key) < 0)
      from = middle + 1;
    else
      to = middle;
  }
  return from;
}

static struct neighbour
neighbours_key(const struct address *address)
{
  size_t size;
  const uint8_t *raw = address_raw(address, &size);
  struct neighbour key = {.address_size = (uint8_t)size,
                          .interface = address_is_v6(address) ? address->v6.sin6_scope_id : 0};
  memcpy(key.address, raw, size);
  return key;
}

static bool
neighbours_fits(const struct neighbour *row, const struct neighbour *key)
{
  return row->address_size == key->address_size && memcmp(row->address, key->address, sizeof key->address) == 0 &&
         (key->interface == 0 || row->interface == key->interface);
}

static size_t
neighbours_give(const struct neighbour *row, uint8_t *link)
{
  memcpy(link, row->link, row->link_size);
  return row->link_size;
}

// ---- what the kernel says ----

// False: no neighbour. One without a link address, or whose address leads nowhere (any more), has link_size 0.
static bool
neighbours_parse(const struct nlmsghdr *message, struct neighbour *row)
{
  const struct ndmsg *about = NLMSG_DATA(message);
  const int known = NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT;
  if (message->nlmsg_len < NLMSG_LENGTH(sizeof *about) || (about->ndm_family != AF_INET && about->ndm_family != AF_INET6))
    return false; // others are entries of bridges
  *row = (struct neighbour){.interface = (uint32_t)about->ndm_ifindex};
  const struct rtattr *a = (const struct rtattr *)(const void *)((const char *)about + NLMSG_ALIGN(sizeof *about));
  for (size_t left = message->nlmsg_len - NLMSG_LENGTH(sizeof *about); RTA_OK(a, left); a = RTA_NEXT(a, left)) {
    size_t size = RTA_PAYLOAD(a);
    if (a->rta_type == NDA_DST && (size == 4 || size == 16)) {
      memcpy(row->address, RTA_DATA(a), size);
      row->address_size = (uint8_t)size;
    } else if (a->rta_type == NDA_LLADDR && size <= LINK_ADDRESS_MAX) {
      memcpy(row->link, RTA_DATA(a), size);
      row->link_size = (uint8_t)size;
    }
  }
  if (message->nlmsg_type == RTM_DELNEIGH || (about->ndm_state & known) == 0)
    row->link_size = 0;
  return row->address_size > 0;
}

enum part { PART_MORE, PART_LAST, PART_BAD };

// PART_BAD: errno says why; EAGAIN: the table was changed meanwhile, and some rows may be missing.
static enum part
neighbours_read_part(struct neighbour_rows *n, int fd)
{
  _Alignas(struct nlmsghdr) char part[PART_SIZE];
  ssize_t got = recv(fd, part, sizeof part, 0);
  if (got <= 0)
    return got < 0 && errno == EINTR ? PART_MORE : PART_BAD;
  size_t left = (size_t)got;
  for (const struct nlmsghdr *m = (const struct nlmsghdr *)(const void *)part; NLMSG_OK(m, left); m = NLMSG_NEXT(m, left)) {
    struct neighbour row;
    if (m->nlmsg_type == NLMSG_ERROR || (m->nlmsg_flags & NLM_F_DUMP_INTR) != 0) {
      errno = m->nlmsg_type == NLMSG_ERROR ? -((const struct nlmsgerr *)NLMSG_DATA(m))->error : EAGAIN;
      return PART_BAD;
    }
    if (m->nlmsg_type == NLMSG_DONE)
      return PART_LAST;
    if (m->nlmsg_type == RTM_NEWNEIGH && neighbours_parse(m, &row) && row.link_size > 0)
      neighbours_add_row(n, &row);
  }
  return PART_MORE;
}

// The whole table. May wait for the kernel.
static bool
neighbours_read_table(struct neighbour_rows *n)
{
  const struct {
    struct nlmsghdr head;
    struct ndmsg about;
  } ask = {.head = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct ndmsg)), .nlmsg_type = RTM_GETNEIGH,
                    .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP}};
  int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  if (fd < 0)
    return false;
  enum part part = PART_BAD;
  if (send(fd, &ask, ask.head.nlmsg_len, 0) == (ssize_t)ask.head.nlmsg_len)
    do
      part = neighbours_read_part(n, fd);
    while (part == PART_MORE);
  int error = errno;
  close(fd);
  errno = error;
  return part == PART_LAST;
}

size_t
neighbours_ask(const struct address *address, uint8_t link[LINK_ADDRESS_MAX])
{
  struct neighbour_rows n = {.count = 0};
  struct neighbour key = neighbours_key(address);
  neighbours_read_table(&n);
  size_t at = 0;
  while (at < n.count && !neighbours_fits(&n.items[at], &key))
    at++;
  size_t size = at < n.count ? neighbours_give(&n.items[at], link) : 0;
  free(n.items);
  return size;
}

// ---- pages ----

static unsigned
neighbours_page_of(const struct neighbour *row)
{
  return (unsigned)hash_bytes(row->address, row->address_size, watch.seed) % PAGES;
}

// The old one may still be read.
static void
neighbours_put_page(unsigned number, const struct neighbour *rows, size_t count)
{
  struct neighbour_page *old = atomic_load_explicit(&watch.pages[number], memory_order_relaxed), *new = NULL;
  if (count > 0) {
    new = memory_new(sizeof *new + count * sizeof *rows);
    new->count = count;
    memcpy(new->rows, rows, count * sizeof *rows);
  }
  atomic_store_explicit(&watch.pages[number], new, memory_order_release);
  if (old == NULL)
    return;
  old->next = watch.retired;
  old->stamp = 0;
  watch.retired = old;
}

static void
neighbours_stamp_retired(void)
{
  uint64_t stamp = 0;
  for (struct neighbour_page *p = watch.retired; p != NULL && p->stamp == 0; p = p->next) {
    stamp = stamp != 0 ? stamp : epoch_stamp();
    p->stamp = stamp;
  }
}

static void
neighbours_free_retired(void)
{
  neighbours_stamp_retired();
  // Newest first: behind one that nobody can see any more there are only such.
  struct neighbour_page **at = &watch.retired;
  while (*at != NULL && !epoch_passed((*at)->stamp))
    at = &(*at)->next;
  struct neighbour_page *p = *at;
  *at = NULL;
  while (p != NULL) {
    struct neighbour_page *next = p->next;
    free(p);
    p = next;
  }
}

// One row came, changed, or (link_size 0) went.
static void
neighbours_change(const struct neighbour *row)
{
  unsigned number = neighbours_page_of(row);
  const struct neighbour_page *old = atomic_load_explicit(&watch.pages[number], memory_order_relaxed);
  size_t count = old != NULL ? old->count : 0, at = count > 0 ? neighbours_lower_bound(old->rows, count, row) : 0;
  bool there = at < count && neighbours_compare(&old->rows[at], row) == 0;
  if (there ? memcmp(&old->rows[at], row, sizeof *row) == 0 : row->link_size == 0)
    return;
  struct neighbour_rows new = {.count = 0};
  for (size_t i = 0; i < at; i++)
    neighbours_add_row(&new, &old->rows[i]);
  if (row->link_size > 0)
    neighbours_add_row(&new, row);
  for (size_t i = at + there; i < count; i++)
    neighbours_add_row(&new, &old->rows[i]);
  neighbours_put_page(number, new.items, new.count);
  free(new.items);
}

static int
neighbours_compare_pages(const void *a, const void *b)
{
  unsigned x = neighbours_page_of(a), y = neighbours_page_of(b);
  return x != y ? (x > y) - (x < y) : neighbours_compare(a, b);
}

// All rows at once. Pages that are as they were stay.
static void
neighbours_put_all(struct neighbour_rows *n)
{
  size_t from = 0;
  if (n->count > 0)
    qsort(n->items, n->count, sizeof *n->items, neighbours_compare_pages);
  for (unsigned number = 0; number < PAGES; number++) {
    size_t to = from;
    while (to < n->count && neighbours_page_of(&n->items[to]) == number)
      to++;
    const struct neighbour_page *old = atomic_load_explicit(&watch.pages[number], memory_order_relaxed);
    size_t count = to - from;
    bool same = old == NULL ? count == 0
                            : old->count == count && memcmp(old->rows, n->items + from, count * sizeof *old->rows) == 0;
    if (!same)
      neighbours_put_page(number, n->items + from, count);
    from = to;
  }
}

// ---- the thread ----

// Subscribed before the table is read, so that no change falls in between.
static bool
neighbours_subscribe(void)
{
  if (watch.events >= 0)
    return true;
  struct sockaddr_nl here = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_NEIGH};
  int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE), room = EVENTS_ROOM;
  if (fd < 0)
    return false;
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room); // as much of it as is allowed
  if (bind(fd, (const struct sockaddr *)&here, sizeof here) != 0) {
    close(fd);
    return false;
  }
  watch.events = fd;
  return true;
}

static void
neighbours_refresh(void)
{
  enum { TRIES = 4 };
  struct neighbour_rows n = {.count = 0};
  bool good = false, again = neighbours_subscribe();
  for (unsigned i = 0; again && i < TRIES; i++) {
    n.count = 0;
    good = neighbours_read_table(&n);
    again = !good && errno == EAGAIN;
  }
  if (good) {
    neighbours_put_all(&n);
    watch.stale = false;
  } else if (!again && !watch.told) {
    watch.told = true;
    log_warning("neighbours", "The kernel's table of neighbours cannot be read: %s", strerror(errno));
  }
  free(n.items);
}

static void
neighbours_take_changes(const char *part, size_t left)
{
  for (const struct nlmsghdr *m = (const struct nlmsghdr *)(const void *)part; NLMSG_OK(m, left); m = NLMSG_NEXT(m, left)) {
    struct neighbour row;
    if ((m->nlmsg_type == RTM_NEWNEIGH || m->nlmsg_type == RTM_DELNEIGH) && neighbours_parse(m, &row))
      neighbours_change(&row);
  }
}

// Until nothing more is there.
static void
neighbours_receive(void)
{
  _Alignas(struct nlmsghdr) char part[PART_SIZE];
  for (;;) {
    ssize_t got = recv(watch.events, part, sizeof part, 0);
    if (got > 0)
      neighbours_take_changes(part, (size_t)got);
    else if (got < 0 && errno == ENOBUFS)
      watch.stale = true; // something was not told
    else if (got == 0 || errno != EINTR)
      return;
  }
}

static void
neighbours_tell(enum watch_state state)
{
  pthread_mutex_lock(&watch.lock);
  atomic_store(&watch.state, state);
  pthread_cond_broadcast(&watch.started);
  pthread_mutex_unlock(&watch.lock);
}

// What the process kept is for those who bind addresses.
static void
neighbours_drop_capabilities(void)
{
  cap_t none = cap_init();
  if (none != NULL)
    cap_set_proc(none);
  cap_free(none);
}

static void *
neighbours_main(void *arg)
{
  (void)arg;
  pthread_setname_np(pthread_self(), "neighbours");
  neighbours_drop_capabilities();
  watch.stale = true;
  neighbours_refresh();
  neighbours_tell(WATCH_FILLED);
  for (;;) {
    neighbours_free_retired();
    struct pollfd ready[] = {{.fd = watch.stop_fd, .events = POLLIN}, {.fd = watch.events, .events = POLLIN}};
    int found = poll(ready, 2, watch.stale || watch.retired != NULL ? AGAIN_MS : -1);
    if (found > 0 && ready[0].revents != 0)
      return NULL;
    if (found > 0 && ready[1].revents != 0)
      neighbours_receive();
    if (watch.stale)
      neighbours_refresh();
  }
}

// 0, or why not.
static int
neighbours_make_thread(void)
{
  watch.stop_fd = eventfd(0, EFD_CLOEXEC);
  if (watch.stop_fd < 0)
    return errno;
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &before); // signals are the keeper's
  int error = pthread_create(&watch.thread, NULL, neighbours_main, NULL);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (error != 0)
    close(watch.stop_fd);
  return error;
}

// Whoever is first starts it.
static void
neighbours_start(void)
{
  int none = WATCH_NONE;
  if (!atomic_compare_exchange_strong(&watch.state, &none, WATCH_STARTING))
    return;
  random_bytes(&watch.seed, sizeof watch.seed);
  int error = neighbours_make_thread();
  if (error == 0)
    return;
  neighbours_tell(WATCH_NONE);
  if (!atomic_exchange(&watch.refused, true))
    log_warning("neighbours", "Link addresses are unknown until their thread can be started: %s", strerror(error));
}

void
neighbours_tend(void)
{
  if (atomic_load(&watch.open) && atomic_load(&watch.wanted))
    neighbours_start();
}

void
neighbours_watch(bool may_wait)
{
  atomic_store(&watch.wanted, true);
  if (!may_wait || !atomic_load(&watch.open))
    return;
  neighbours_start();
  pthread_mutex_lock(&watch.lock);
  while (atomic_load(&watch.state) == WATCH_STARTING)
    pthread_cond_wait(&watch.started, &watch.lock);
  pthread_mutex_unlock(&watch.lock);
}

void
neighbours_open(void)
{
  atomic_store(&watch.open, true);
  if (atomic_load(&watch.wanted))
    neighbours_watch(true);
}

void
neighbours_stop(void)
{
  atomic_store(&watch.open, false);
  atomic_store(&watch.wanted, false);
  atomic_store(&watch.refused, false);
  if (atomic_load(&watch.state) == WATCH_NONE)
    return;
  eventfd_write(watch.stop_fd, 1);
  pthread_join(watch.thread, NULL);
  close(watch.stop_fd);
  if (watch.events >= 0)
    close(watch.events);
  watch.events = -1;
  watch.told = false;
  neighbours_put_all(&(struct neighbour_rows){.count = 0});
  neighbours_free_retired();
  atomic_store(&watch.state, WATCH_NONE);
}

// ---- workers ----

size_t
neighbours_find(const struct address *address, uint8_t link[LINK_ADDRESS_MAX])
{
  if (atomic_load_explicit(&watch.state, memory_order_acquire) != WATCH_FILLED) {
    // Written once: others read it for every packet.
    if (!atomic_load_explicit(&watch.wanted, memory_order_relaxed))
      atomic_store_explicit(&watch.wanted, true, memory_order_relaxed);
    return 0;
  }
  struct neighbour key = neighbours_key(address);
  const struct neighbour_page *page = atomic_load_explicit(&watch.pages[neighbours_page_of(&key)], memory_order_acquire);
  if (page == NULL)
    return 0;
  size_t at = neighbours_lower_bound(page->rows, page->count, &key);
  return at < page->count && neighbours_fits(&page->rows[at], &key) ? neighbours_give(&page->rows[at], link) : 0;
}
