// SPDX-License-Identifier: BSD-2-Clause
// Completing and binding the listeners.
#include "dnsproxy/run/listeners.h"

#include "dnsproxy/base/memory.h"
#include "dnsproxy/config/configuration.h"
#include "dnsproxy/net/listener.h"

#include <errno.h>
#include <stdlib.h>

enum { DNS_PORT = 53 };

static bool
listeners_is_plain(const struct listener *l)
{
  return l->walk == NULL && (l->transport == &transport_udp || l->transport == &transport_tcp);
}

// Listeners of scripted services do not count: without others the proxy has its default one. Who asked for encrypted
// ones alone, which we do not have yet, did not ask for a plain one.
static bool
listeners_has_any(void)
{
  for (size_t i = 0; i < config()->listener_count; i++)
    if (config()->listeners[i]->walk == NULL)
      return true;
  for (unsigned i = 0; i < WAITING_LISTENERS; i++)
    if (config()->waiting_listeners[i] > 0)
      return true;
  return false;
}

static void
listeners_remove_plain(void)
{
  size_t kept = 0;
  for (size_t i = 0; i < config()->listener_count; i++) {
    if (listeners_is_plain(config()->listeners[i]))
      object_unref(&config()->listeners[i]);
    else
      config()->listeners[kept++] = config()->listeners[i];
  }
  config()->listener_count = kept;
}

static void
listeners_add_pair(const struct address *address)
{
  static const struct transport *const both[] = {&transport_udp, &transport_tcp};
  config()->listeners = memory_resize(config()->listeners, config()->listener_count + 2, sizeof *config()->listeners);
  for (unsigned i = 0; i < 2; i++)
    config()->listeners[config()->listener_count++] = listener_new(address, both[i]);
}

bool
listeners_complete(const struct options *options, struct fault *fault)
{
  struct address address;
  if (options->local_count > 0)
    listeners_remove_plain();
  for (size_t i = 0; i < options->local_count; i++) {
    if (!address_parse(&address, options->locals[i], DNS_PORT, fault))
      return false;
    listeners_add_pair(&address);
  }
  if (!listeners_has_any()) {
    address_parse(&address, "127.0.0.1", DNS_PORT, fault);
    listeners_add_pair(&address);
  }
  return true;
}

static bool
listeners_same_bind(const struct listener *a, const struct listener *b)
{
  return a->transport == b->transport && a->reuse_port && b->reuse_port && address_equal(&a->address, &b->address);
}

// Users repeat a line with reusePort to get more threads. Every worker serves one line already, so the repeated lines
// are dealt over the workers: line k of n gets the workers whose number modulo n is k.
static void
listeners_deal(struct listener *l, size_t position, unsigned total)
{
  unsigned lines = 0, mine = 0;
  for (size_t i = 0; i < config()->listener_count; i++) {
    if (i == position)
      mine = lines;
    lines += listeners_same_bind(config()->listeners[i], l);
  }
  if (lines < 2)
    return;
  if (lines > total)
    lines = total;
  for (unsigned w = 0; w < total; w++)
    l->served[w] = w % lines == mine % lines;
}

// UDP and TCP of one line with port 0 get the same port. Returns the UDP one; NULL: none.
static struct listener *
listeners_share_port(size_t position)
{
  struct listener *l = config()->listeners[position];
  if (position == 0 || l->transport != &transport_tcp || address_port(&l->address) != 0)
    return NULL;
  struct listener *before = config()->listeners[position - 1];
  if (before->transport != &transport_udp || before->service != l->service || !address_equal_ip(&before->address, &l->address))
    return NULL;
  address_set_port(&l->address, address_port(&before->address));
  return before;
}

// The port that the kernel gave for UDP may be somebody else's over TCP: then another one.
static bool
listeners_bind_pair(struct listener *l, struct listener *udp, unsigned total, const int sizes[2], struct fault *fault)
{
  enum { TRIES = 64 };
  for (int tries = 0; udp != NULL && tries < TRIES; tries++) {
    if (listener_bind(l, total, sizes, fault))
      return true;
    if (errno != EADDRINUSE)
      return false;
    listener_close(udp);
    address_set_port(&udp->address, 0);
    if (!listener_bind(udp, total, sizes, fault))
      return false;
    address_set_port(&l->address, address_port(&udp->address));
  }
  return listener_bind(l, total, sizes, fault);
}

bool
listeners_bind(unsigned total, struct fault *fault)
{
  const int sizes[2] = {config()->settings.udp_recv_buffer, config()->settings.udp_send_buffer};
  for (size_t i = 0; i < config()->listener_count; i++) {
    struct listener *l = config()->listeners[i];
    if (l->transport->start == NULL) // accepted, but not built
      continue;
    struct listener *udp = listeners_share_port(i);
    listeners_deal(l, i, total);
    if (!listeners_bind_pair(l, udp, total, sizes, fault))
      return false;
  }
  return true;
}

void
listeners_close(void)
{
  for (size_t i = 0; i < config()->listener_count; i++)
    listener_close(config()->listeners[i]);
}
