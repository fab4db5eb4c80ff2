// SPDX-License-Identifier: BSD-2-Clause
// The console server: handshake, one command, one answer, and so on (reference: cli.md section 6).
//
// Whoever connects is a stranger until a message was sealed with the key. Strangers cost little: they have a fixed time,
// there are few of them, and what they may send at once is small.
#include "console/server.h"

#include "console/frame.h"
#include "dnsproxy/base/clock.h"
#include "dnsproxy/base/log.h"
#include "dnsproxy/base/memory.h"
#include "dnsproxy/base/random.h"
#include "dnsproxy/config/draft.h"
#include "lua/scripts/control_state.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <netinet/tcp.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
  BACKLOG = 128,
  UNREAD_MAX = 65536, // bytes of answers that wait for the peer before its next command is looked at
  LINGER_S = 10,      // for a peer that sends no more to take its last answers
  // Of peers that have not shown yet that they have the key. Nothing that they send makes the time longer.
  STRANGER_S = 10,
  STRANGERS_MAX = 64,        // the oldest makes room
  STRANGER_PATIENCE_MS = 2000, // where the limit of connections is reached: only an older one makes room
  STRANGER_BYTES = 65536,    // a first message of this size has room at any time,
  STRANGERS_BYTES = 2 << 20, // a larger one as long as those of all do not take more together
};

struct connection {
  struct connection *next;
  struct bufferevent *stream;
  struct event *deadline; // of a stranger
  uint64_t since_us;
  size_t granted; // of STRANGERS_BYTES
  struct address peer;
  struct console_box box;
  uint8_t key[CONSOLE_KEY_SIZE]; // the key when it was accepted: established ones go on after setKey()
  bool greeted, logged;
  bool known; // it has the key
  bool ending; // no more is read; it closes when the answers have gone
  size_t max_message;
};

static struct event_base *base;
static struct evconnlistener *listener;
static struct connection *connections; // the newest first
static unsigned connection_count, stranger_count;
static size_t granted_bytes;

// It has shown the key, or it ends.
static void
stranger_end(struct connection *c)
{
  if (c->known)
    return;
  c->known = true;
  stranger_count--;
  granted_bytes -= c->granted;
  event_free(c->deadline);
}

static void
connection_free(struct connection **slot)
{
  struct connection *c = *slot, **at = &connections;
  char peer[ADDRESS_TEXT_SIZE];
  *slot = NULL;
  while (*at != c)
    at = &(*at)->next;
  *at = c->next;
  connection_count--;
  stranger_end(c);
  if (c->logged)
    log_info("console", "Closing console connection from %s", address_text_with_port(&c->peer, peer));
  bufferevent_free(c->stream);
  sodium_memzero(c, sizeof *c);
  free(c);
}

// ---- commands ----

static void
answer(struct connection *c, const char *text, size_t size)
{
  uint8_t *frame = memory_new(CONSOLE_LENGTH_SIZE + CONSOLE_TAG_SIZE + size);
  bufferevent_write(c->stream, frame, console_seal(&c->box, text, size, frame));
  free(frame);
}

static void
run_command(struct connection *c, const char *command, size_t size)
{
  struct text text;
  bool effect;
  text_init(&text);
  if (size > 0)
    control_execute(command, size, &text, &effect);
  answer(c, text.data, text.size);
  text_fini(&text);
}

static void
become_known(struct connection *c)
{
  stranger_end(c);
  bufferevent_setwatermark(c->stream, EV_READ, 0, c->max_message + CONSOLE_LENGTH_SIZE);
}

// May a stranger send this much? Then there is room for it.
static bool
grant(struct connection *c, size_t size)
{
  if (c->known || size <= STRANGER_BYTES || c->granted >= size)
    return true;
  if (size > STRANGERS_BYTES - granted_bytes)
    return false;
  granted_bytes += size - c->granted;
  c->granted = size;
  bufferevent_setwatermark(c->stream, EV_READ, 0, size + CONSOLE_LENGTH_SIZE);
  return true;
}

// False: the connection must end.
static bool
take_frame(struct connection *c, struct evbuffer *in, size_t size)
{
  static const uint8_t empty[CONSOLE_LENGTH_SIZE];
  evbuffer_drain(in, CONSOLE_LENGTH_SIZE);
  if (size == 0) {
    bufferevent_write(c->stream, empty, sizeof empty);
    return true;
  }
  if (size < CONSOLE_TAG_SIZE)
    return false;
  size_t length = size - CONSOLE_TAG_SIZE;
  uint8_t *command = memory_new(length + 1);
  bool good = console_open(&c->box, evbuffer_pullup(in, (ssize_t)size), size, command);
  evbuffer_drain(in, size);
  if (good && !c->known)
    become_known(c);
  if (good)
    run_command(c, (char *)command, length);
  free(command);
  return good;
}

static bool
greet(struct connection *c, struct evbuffer *in)
{
  uint8_t own[CONSOLE_NONCE_SIZE], theirs[CONSOLE_NONCE_SIZE];
  if (evbuffer_get_length(in) < sizeof theirs)
    return false;
  evbuffer_remove(in, theirs, sizeof theirs);
  random_bytes(own, sizeof own);
  console_box_init(&c->box, c->key, own, theirs);
  sodium_memzero(c->key, sizeof c->key);
  bufferevent_write(c->stream, own, sizeof own);
  c->greeted = true;
  return true;
}

static size_t
unread(const struct connection *c)
{
  return evbuffer_get_length(bufferevent_get_output(c->stream));
}

// Runs the commands that have arrived whole, but not ahead of a peer that does not take its answers. False: the
// connection must end, and nothing more of what it sent counts.
static bool
take_frames(struct connection *c)
{
  struct evbuffer *in = bufferevent_get_input(c->stream);
  while (unread(c) < UNREAD_MAX) {
    uint8_t front[CONSOLE_LENGTH_SIZE];
    size_t size = 0, have = evbuffer_get_length(in);
    ssize_t copied = evbuffer_copyout(in, front, sizeof front);
    enum console_frame look =
        copied < (ssize_t)sizeof front ? CONSOLE_FRAME_MORE : console_frame_look(front, have, c->max_message, &size);
    if (look == CONSOLE_FRAME_MORE && grant(c, size))
      return true;
    if (look == CONSOLE_FRAME_MORE || look == CONSOLE_FRAME_TOO_LARGE || !take_frame(c, in, size)) {
      evbuffer_drain(in, evbuffer_get_length(in));
      return false;
    }
  }
  bufferevent_disable(c->stream, EV_READ); // on_written() goes on
  return true;
}

// Answers to commands that came before are still the peer's.
static void
end(struct connection *c)
{
  if (unread(c) == 0) {
    connection_free(&c);
    return;
  }
  c->ending = true;
  bufferevent_disable(c->stream, EV_READ);
  bufferevent_set_timeouts(c->stream, NULL, &(struct timeval){.tv_sec = LINGER_S});
}

static void
on_data(struct bufferevent *stream, void *arg)
{
  struct connection *c = arg;
  if (!c->greeted && !greet(c, bufferevent_get_input(stream)))
    return;
  if (!take_frames(c))
    end(c);
}

// All answers have gone.
static void
on_written(struct bufferevent *stream, void *arg)
{
  struct connection *c = arg;
  if (!c->greeted || unread(c) > 0)
    return;
  if (!take_frames(c) || c->ending)
    end(c);
  else if (unread(c) < UNREAD_MAX)
    bufferevent_enable(stream, EV_READ);
}

// The end of what the peer sends: commands that were held back still have their turn.
static void
on_event(struct bufferevent *stream, short what, void *arg)
{
  (void)stream;
  struct connection *c = arg;
  if ((what & BEV_EVENT_EOF) != 0)
    end(c);
  else if ((what & (BEV_EVENT_ERROR | BEV_EVENT_TIMEOUT)) != 0)
    connection_free(&c);
}

// ---- accepting ----

static void
on_deadline(evutil_socket_t fd, short what, void *arg)
{
  (void)fd, (void)what;
  struct connection *c = arg;
  connection_free(&c);
}

// Makes room for a new connection at the cost of the oldest stranger. False: none is that old.
static bool
oldest_stranger_ends(unsigned age_ms)
{
  struct connection *oldest = NULL;
  for (struct connection *c = connections; c != NULL; c = c->next)
    if (!c->known)
      oldest = c;
  if (oldest == NULL || clock_mono_us() - oldest->since_us < age_ms * 1000ULL)
    return false;
  connection_free(&oldest);
  return true;
}

// What the configuration says about this peer. False: closed at once, and why.
static bool
admit(struct connection *c)
{
  char peer[ADDRESS_TEXT_SIZE];
  const char *reason = NULL;
  address_text_with_port(&c->peer, peer);
  control_lock();
  uint32_t most = draft.settings.console_max_connections;
  if (!draft.console_key_set)
    reason = "no valid key is set";
  else if (!netmask_set_match(draft.console_acl, &c->peer))
    reason = "the source is not in the console ACL";
  else if (most > 0 && connection_count >= most && !oldest_stranger_ends(STRANGER_PATIENCE_MS))
    reason = "too many connections";
  memcpy(c->key, draft.console_key, sizeof c->key);
  c->logged = draft.settings.console_logging;
  c->max_message = draft.settings.console_max_message;
  control_unlock();
  if (reason != NULL)
    log_warning("console", "Refused a console connection from %s: %s", peer, reason);
  else if (c->logged)
    log_info("console", "Got control connection from %s", peer);
  return reason == NULL;
}

static void
on_accept(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *peer, int size, void *arg)
{
  (void)l, (void)arg;
  struct connection *c = memory_new(sizeof *c);
  int on = 1;
  memcpy(&c->peer, peer, (size_t)size < sizeof c->peer ? (size_t)size : sizeof c->peer);
  if (!admit(c)) {
    free(c);
    close(fd);
    return;
  }
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  c->stream = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
  if (stranger_count >= STRANGERS_MAX)
    oldest_stranger_ends(0);
  c->next = connections;
  connections = c;
  connection_count++;
  stranger_count++;
  c->since_us = clock_mono_us();
  c->deadline = evtimer_new(base, on_deadline, c);
  evtimer_add(c->deadline, &(struct timeval){.tv_sec = STRANGER_S});
  bufferevent_setcb(c->stream, on_data, on_written, on_event, c);
  bufferevent_setwatermark(c->stream, EV_READ, 0, STRANGER_BYTES + CONSOLE_LENGTH_SIZE);
  bufferevent_enable(c->stream, EV_READ | EV_WRITE);
}

bool
console_server_open(struct event_base *where, const struct address *address, struct fault *fault)
{
  base = where;
  struct evconnlistener *next = evconnlistener_new_bind(base, on_accept, NULL, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_THREADSAFE,
                                                        BACKLOG, &address->sa, (int)address_size(address));
  if (next == NULL) {
    char text[ADDRESS_TEXT_SIZE];
    return fault_set(fault, FAULT_PLAIN, "binding console socket to %s: %s", address_text_with_port(address, text), strerror(errno));
  }
  if (listener != NULL)
    evconnlistener_free(listener);
  listener = next;
  return true;
}

void
console_server_close(void)
{
  while (connections != NULL) {
    struct connection *c = connections;
    connection_free(&c);
  }
  if (listener != NULL)
    evconnlistener_free(listener);
  listener = NULL;
}
