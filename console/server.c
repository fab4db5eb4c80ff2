// SPDX-License-Identifier: BSD-2-Clause
// The console server: handshake, one command, one answer, and so on (reference: cli.md section 6).
//
//   accepted, admitted --24 bytes--> greeted --a message sealed with the key--> known --...--> ends
//   |------------------ a stranger: ten seconds, few bytes ------------------|
//
// A session is a connection (net/connection) that first speaks the protocol of one nonce, then that of frames. Whoever connects
// is a stranger until a message was sealed with the key. Strangers cost little: they have a fixed time, whatever they send in
// it; of their 64 places the oldest makes room; each may send 64 KiB, and all of them together two megabytes more.
//
// A peer that takes no answers gets no more commands run: messages wait until the answers have gone. When the peer ends, the
// commands that are there are still run and answered.
#include "console/server.h"

#include "console/frame.h"
#include "dnsproxy/base/clock.h"
#include "dnsproxy/base/log.h"
#include "dnsproxy/base/memory.h"
#include "dnsproxy/base/random.h"
#include "dnsproxy/config/configuration.h"
#include "dnsproxy/net/connection.h"
#include "lua/scripts/control_state.h"

#include <errno.h>
#include <event2/listener.h>
#include <netinet/tcp.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
  BACKLOG = 128,
  UNREAD_MAX = 65536,       // bytes of answers that wait for the peer before its next command is looked at
  LINGER_US = 10000000,     // for a peer that sends no more to take its last answers
  STRANGER_LINGER_US = 500000,
  STRANGER_US = 10000000,   // from accept
  STRANGERS_MAX = 64,
  STRANGER_PATIENCE_US = 2000000, // where the limit of connections is reached: only an older one makes room
  STRANGER_BYTES = 65536,   // of each,
  STRANGERS_BYTES = 2 << 20, // and beyond that of all together
};

struct session {
  struct connection link;
  struct session *next; // the newest first
  struct address peer;
  struct console_box box;
  uint8_t key[CONSOLE_KEY_SIZE]; // the key when it was accepted: established ones go on after setKey()
  uint64_t since_us;
  size_t received, extra; // of a stranger: bytes, and those of them beyond STRANGER_BYTES
  size_t max_message;
  bool logged;
  bool known; // it has the key
  bool ended; // the peer sends no more
};

static struct event_base *base;
static struct evconnlistener *listener;
static struct connection_set *links;
static struct session *sessions;
static unsigned session_count, stranger_count;
static size_t extra_bytes;

static struct session *
server_session_of(struct connection *c)
{
  return (struct session *)(void *)c;
}

// ---- protocols ----

static size_t
server_measure_nonce(const uint8_t *bytes, size_t count)
{
  (void)bytes, (void)count;
  return CONSOLE_NONCE_SIZE;
}
static const struct protocol protocol_nonce = {
    .name = "console nonce", .measure = server_measure_nonce, .most = CONSOLE_NONCE_SIZE};

static size_t
server_measure_frame(const uint8_t *bytes, size_t count)
{
  size_t size = 0;
  return console_frame_look(bytes, count, SIZE_MAX, &size) == CONSOLE_FRAME_MORE && count < CONSOLE_LENGTH_SIZE
             ? 0
             : CONSOLE_LENGTH_SIZE + size;
}
// What is sent has its length from console_seal().
static const struct protocol protocol_frames = {
    .name = "console", .measure = server_measure_frame, .head = CONSOLE_LENGTH_SIZE, .most = SIZE_MAX / 2};

// ---- the end ----

static void
server_stranger_end(struct session *s)
{
  if (s->known)
    return;
  s->known = true;
  stranger_count--;
  extra_bytes -= s->extra;
}

// It counts no more; what it was told already is still the peer's, for so long.
static void
server_session_end(struct session *s, uint64_t linger_us)
{
  struct session **at = &sessions;
  char peer[ADDRESS_TEXT_SIZE];
  if (!connection_is_open(&s->link))
    return;
  while (*at != s)
    at = &(*at)->next;
  *at = s->next;
  session_count--;
  bool stranger = !s->known;
  server_stranger_end(s);
  if (s->logged)
    log_info("console", "Closing console connection from %s", address_text_with_port(&s->peer, peer));
  if (linger_us == 0)
    connection_close(&s->link);
  else
    connection_finish(&s->link, stranger ? STRANGER_LINGER_US : linger_us);
}

static void
server_on_gone(struct connection *c)
{
  struct session *s = server_session_of(c);
  sodium_memzero(s, sizeof *s);
  free(s);
}

static void
server_on_ended(struct connection *c, enum connection_end why)
{
  struct session *s = server_session_of(c);
  if (why == CONNECTION_EOF) {
    s->ended = true; // on_turn() goes on
    connection_touch(c);
  } else {
    server_session_end(s, why == CONNECTION_BROKEN ? LINGER_US : 0);
  }
}

static void
server_on_deadline(struct connection *c)
{
  server_session_end(server_session_of(c), 0);
}

// ---- commands ----

static void
server_answer(struct session *s, const char *text, size_t size)
{
  uint8_t *frame = memory_new(CONSOLE_LENGTH_SIZE + CONSOLE_TAG_SIZE + size);
  connection_send_raw(&s->link, frame, console_seal(&s->box, text, size, frame));
  free(frame);
}

static void
server_run_command(struct session *s, const char *command, size_t size)
{
  struct text text;
  bool effect;
  text_init(&text);
  if (size > 0)
    control_execute(command, size, &text, &effect);
  server_answer(s, text.data, text.size);
  text_fini(&text);
}

static void server_speak_frames(struct session *);

// False: the connection must end.
static bool
server_take_frame(struct session *s, uint8_t *sealed, size_t size)
{
  static const uint8_t empty[CONSOLE_LENGTH_SIZE];
  if (size == 0)
    return connection_send_raw(&s->link, empty, sizeof empty);
  if (size < CONSOLE_TAG_SIZE)
    return false;
  size_t length = size - CONSOLE_TAG_SIZE;
  uint8_t *command = memory_new(length + 1);
  bool good = console_open(&s->box, sealed, size, command);
  if (good && !s->known) {
    server_stranger_end(s);
    connection_untimer(&s->link);
    server_speak_frames(s);
  }
  if (good)
    server_run_command(s, (char *)command, length);
  free(command);
  return good;
}

static enum message_use
server_on_frame(struct connection *c, const struct frame *frame)
{
  if (connection_unsent(c) >= UNREAD_MAX)
    return MESSAGE_LATER; // on_turn() goes on
  if (!server_take_frame(server_session_of(c), frame->message, frame->size))
    server_session_end(server_session_of(c), LINGER_US);
  return MESSAGE_NEXT;
}

static void
server_on_turn(struct connection *c)
{
  struct session *s = server_session_of(c);
  if (connection_unsent(c) == 0)
    connection_resume(c);
  if (s->ended && !input_has_message(&c->input))
    server_session_end(s, LINGER_US);
}

// ---- the greeting ----

// Bytes came. What a stranger sends is counted, not believed.
static void
server_on_bytes(struct connection *c, size_t count)
{
  struct session *s = server_session_of(c);
  if (s->known)
    return;
  s->received += count;
  size_t extra = s->received > STRANGER_BYTES ? s->received - STRANGER_BYTES - s->extra : 0;
  s->extra += extra;
  extra_bytes += extra;
  if (extra > 0 && extra_bytes > STRANGERS_BYTES)
    server_session_end(s, 0);
}

static enum message_use
server_on_nonce(struct connection *c, const struct frame *frame)
{
  struct session *s = server_session_of(c);
  uint8_t own[CONSOLE_NONCE_SIZE];
  random_bytes(own, sizeof own);
  console_box_init(&s->box, s->key, own, frame->message);
  sodium_memzero(s->key, sizeof s->key);
  connection_send_raw(c, own, sizeof own);
  server_speak_frames(s);
  return MESSAGE_NEXT;
}

static const struct connection_events nonce_events = {.message = server_on_nonce,
                                                      .read = server_on_bytes,
                                                      .turn = server_on_turn,
                                                      .timer = server_on_deadline,
                                                      .ended = server_on_ended,
                                                      .gone = server_on_gone};
static const struct connection_events frame_events = {.message = server_on_frame,
                                                      .read = server_on_bytes,
                                                      .turn = server_on_turn,
                                                      .timer = server_on_deadline,
                                                      .ended = server_on_ended,
                                                      .gone = server_on_gone};

static void
server_speak_frames(struct session *s)
{
  size_t most = s->max_message;
  if (!s->known && most > STRANGER_BYTES + STRANGERS_BYTES)
    most = STRANGER_BYTES + STRANGERS_BYTES;
  connection_speak(&s->link, &frame_events, &protocol_frames, most + CONSOLE_LENGTH_SIZE);
}

// ---- accepting ----

// Makes room for a new connection at the cost of the oldest stranger. False: none is that old.
static bool
server_oldest_stranger_ends(uint64_t age_us)
{
  struct session *oldest = NULL;
  for (struct session *s = sessions; s != NULL; s = s->next)
    if (!s->known)
      oldest = s;
  if (oldest == NULL || clock_mono_us() - oldest->since_us < age_us)
    return false;
  server_session_end(oldest, 0);
  return true;
}

// What the configuration says about this peer. False: closed at once, and why.
static bool
server_admit(struct session *s)
{
  char peer[ADDRESS_TEXT_SIZE];
  const char *reason = NULL;
  address_text_with_port(&s->peer, peer);
  control_lock();
  uint32_t most = config()->settings.console_max_connections;
  if (!config()->console_key_set)
    reason = "no valid key is set";
  else if (!netmask_set_match(config()->console_acl, &s->peer))
    reason = "the source is not in the console ACL";
  else if (most > 0 && session_count >= most && !server_oldest_stranger_ends(STRANGER_PATIENCE_US))
    reason = "too many connections";
  memcpy(s->key, config()->console_key, sizeof s->key);
  s->logged = config()->settings.console_logging;
  s->max_message = config()->settings.console_max_message;
  control_unlock();
  if (reason != NULL)
    log_warning("console", "Refused a console connection from %s: %s", peer, reason);
  else if (s->logged)
    log_info("console", "Got control connection from %s", peer);
  return reason == NULL;
}

static void
server_on_accept(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *peer, int size, void *arg)
{
  (void)l, (void)arg;
  struct session *s = memory_new(sizeof *s);
  int on = 1;
  memcpy(&s->peer, peer, (size_t)size < sizeof s->peer ? (size_t)size : sizeof s->peer);
  if (!server_admit(s)) {
    sodium_memzero(s, sizeof *s);
    free(s);
    close(fd);
    return;
  }
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (stranger_count >= STRANGERS_MAX)
    server_oldest_stranger_ends(0);
  s->next = sessions;
  sessions = s;
  session_count++;
  stranger_count++;
  s->since_us = clock_mono_us();
  connection_init(&s->link);
  connection_open(&s->link, links, &nonce_events, &protocol_nonce, fd);
  connection_timer(&s->link, STRANGER_US);
}

bool
console_server_open(struct event_base *where, const struct address *address, struct fault *fault)
{
  base = where;
  if (links == NULL)
    links = connection_set_new(base, NULL, NULL, NULL, NULL);
  struct evconnlistener *next = evconnlistener_new_bind(
      base, server_on_accept, NULL, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_THREADSAFE,
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
  while (sessions != NULL)
    server_session_end(sessions, 0);
  connection_set_free(&links);
  if (listener != NULL)
    evconnlistener_free(listener);
  listener = NULL;
}
