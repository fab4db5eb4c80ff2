// SPDX-License-Identifier: BSD-2-Clause
// NetworkEndpoint and NetworkListener: datagrams over UNIX sockets, between scripts and programs beside us.
//
//   newNetworkEndpoint(path):send(bytes)     never waits; a missing path gives an object that sends nothing
//   newNetworkListener():addUnixListeningEndpoint(path, id, f); :start()    a thread of its own calls f, under the Lua lock
//
// The thread that listens belongs to scripts/helpers and ends with the process. What comes is bytes of another program,
// given to the function as a string. An endpoint is a value with a descriptor, closed with its last handle.
#include "dnsproxy/base/log.h"
#include "dnsproxy/base/memory.h"
#include "dnsproxy/base/unix_datagram.h"
#include "lua/binder/classes.h"
#include "lua/scripts/control_state.h"
#include "lua/scripts/copies.h"
#include "lua/binder/errors.h"
#include "lua/scripts/ffi_state.h"
#include "lua/scripts/helpers.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void
class_network_tell(const char *what, const struct bytes *path, int error)
{
  const struct log_field fields[] = {{"path", path->data[0] == '\0' && path->size > 0 ? path->data + 1 : path->data},
                                     {NULL, NULL}};
  log_event(&(struct log_event){
      .priority = LOG_PRIO_ERROR, .message = what, .error = strerror(error), .subsystem = "lua", .fields = fields});
}

// ---- NetworkEndpoint ----

struct endpoint {
  struct object object;
  int fd; // -1: nobody listened when it was made; it never sends
};

static void
class_network_endpoint_free(struct object *o)
{
  struct endpoint *e = (struct endpoint *)(void *)o;
  if (e->fd >= 0)
    close(e->fd);
  free(e);
}

static const struct object_class endpoint_class = {.name = "NetworkEndpoint", .free = class_network_endpoint_free};

static int
class_network_is_valid(struct call *c)
{
  lua_pushboolean(c->lua, ((struct endpoint *)c->self)->fd >= 0);
  return 1;
}

static int
class_network_send_payload(struct call *c)
{
  const struct bytes *payload = &c->args[0].string;
  int fd = ((struct endpoint *)c->self)->fd;
  lua_pushboolean(c->lua, fd >= 0 && unix_datagram_send(fd, payload->data, payload->size));
  return 1;
}

static const struct lua_function endpoint_methods[] = {
    {.name = "isValid",
     .help = "Is it connected?",
     .returns = "boolean",
     .flags = FUNCTION_NO_EFFECT,
     .call = class_network_is_valid},
    {.name = "send",
     .help = "Send a datagram; false: the kernel did not take it, or it is not valid",
     .params = PARAMS({.name = "payload", .type = PARAM_STRING, .help = "any bytes"}),
     .returns = "boolean",
     .call = class_network_send_payload},
    {.name = NULL}};

const struct lua_class class_endpoint = {
    .name = "NetworkEndpoint",
    .help = "A UNIX datagram socket to send to.",
    .object = &endpoint_class,
    .methods = endpoint_methods,
};

static int
class_network_new_endpoint(struct call *c)
{
  const struct bytes *path = &c->args[0].string;
  int fd = unix_datagram_connect(path->data, path->size);
  if (fd < 0)
    class_network_tell("Unable to connect a network endpoint", path, errno);
  struct endpoint *e = memory_new(sizeof *e);
  object_init(&e->object, &endpoint_class);
  e->fd = fd;
  binder_push_object(c->lua, call_own(c, e));
  return 1;
}

// ---- NetworkListener ----

struct ear {
  int fd;
  uint16_t id;
  bool ffi;                // it is called with a message of ffi.C
  struct script *callback; // one reference
  char *path;              // of the file system: unlinked at the end. NULL: abstract
};

struct network_listener {
  struct object object;
  struct ear *ears; // fixed once it is started
  size_t count;
  int wake;         // eventfd
  bool started;     // Lua lock
};

static void
class_network_listener_free(struct object *o)
{
  struct network_listener *l = (struct network_listener *)(void *)o;
  for (size_t i = 0; i < l->count; i++) {
    close(l->ears[i].fd);
    if (l->ears[i].path != NULL)
      unlink(l->ears[i].path);
    free(l->ears[i].path);
    object_unref(&l->ears[i].callback);
  }
  free(l->ears);
  if (l->wake >= 0)
    close(l->wake);
  free(l);
}

static const struct object_class listener_class = {.name = "NetworkListener", .free = class_network_listener_free};

static int
class_network_add_ear(struct call *c)
{
  struct network_listener *l = c->self;
  const struct bytes *path = &c->args[0].string;
  if (l->started)
    return call_fault(c, FAULT_CAUGHT, "A listener that was started takes no more endpoints");
  int fd = unix_datagram_bind(path->data, path->size);
  if (fd < 0)
    class_network_tell("Unable to listen on a network endpoint", path, errno);
  if (fd >= 0) {
    l->ears = memory_resize(l->ears, l->count + 1, sizeof *l->ears);
    l->ears[l->count++] = (struct ear){.fd = fd,
                                       .id = (uint16_t)c->args[1].integer,
                                       .ffi = c->function->data != NULL,
                                       .callback = object_ref(c->args[2].object),
                                       .path = path->data[0] == '\0' ? NULL : memory_string(path->data)};
  }
  lua_pushboolean(c->lua, fd >= 0);
  return 1;
}

struct heard {
  const struct ear *ear;
  const char *payload;
  size_t size;
  struct bytes from;
};

static int
class_network_call_back(lua_State *lua)
{
  const struct heard *h = lua_touserdata(lua, 1);
  script_push(lua, h->ear->callback);
  lua_pushinteger(lua, h->ear->id);
  lua_pushlstring(lua, h->payload, h->size);
  lua_pushlstring(lua, h->from.data, h->from.size);
  lua_call(lua, 3, 0);
  return 0;
}

static void
class_network_report(const char *error)
{
  log_event(&(struct log_event){.priority = LOG_PRIO_WARNING,
                                .message = "The function of a network listener failed",
                                .error = error,
                                .subsystem = "lua"});
}

static void
class_network_deliver_plain(lua_State *lua, struct heard *h)
{
  struct failure failure;
  failure_init(&failure);
  lua_pushcfunction(lua, class_network_call_back);
  lua_pushlightuserdata(lua, h);
  if (!errors_call(lua, 1, 0, &failure))
    class_network_report(failure.message.data);
  failure_fini(&failure);
}

static void
class_network_deliver_ffi(lua_State *lua, const struct heard *h)
{
  struct ffi_call call;
  bool good = ffi_call_begin(&call, control_ffi(), NULL, SIDE_QUERY);
  call.watched = true;
  if (good) {
    script_push(lua, h->ear->callback);
    ffi_call_push_message(&call, h->ear->id, h->payload, h->size);
    good = ffi_call_run(&call, 1);
  }
  if (!good)
    class_network_report(call.error);
  ffi_call_end(&call);
}

static void
class_network_deliver_step(lua_State *lua, void *arg)
{
  struct heard *h = arg;
  if (h->ear->ffi)
    class_network_deliver_ffi(lua, h);
  else
    class_network_deliver_plain(lua, h);
}

static void
class_network_deliver(struct heard *h)
{
  struct text message;
  lua_State *lua = script_enter(h->ear->callback);
  if (lua == NULL)
    return;
  text_init(&message);
  copies_touched();
  if (!errors_protect(lua, class_network_deliver_step, h, &message))
    class_network_report(message.data);
  text_clear(control_output()); // nobody reads it
  control_unlock();
  text_fini(&message);
}

static void
class_network_hear(const struct ear *ear)
{
  enum { BATCH = 64 }; // then others get their turn
  static _Thread_local char payload[65536];
  for (unsigned i = 0; i < BATCH && !helpers_stopping(); i++) {
    struct sockaddr_un from;
    socklen_t size = sizeof from;
    ssize_t got = recvfrom(ear->fd, payload, sizeof payload, 0, (struct sockaddr *)&from, &size);
    if (got < 0)
      return;
    size_t named = size > offsetof(struct sockaddr_un, sun_path) ? size - offsetof(struct sockaddr_un, sun_path) : 0;
    struct heard h = {.ear = ear, .payload = payload, .size = (size_t)got, .from = {.data = from.sun_path, .size = named}};
    if (named > 0 && from.sun_path[0] != '\0')
      h.from.size = strnlen(from.sun_path, named);
    class_network_deliver(&h);
  }
}

static void
class_network_listener_end(void *arg)
{
  struct network_listener *l = arg;
  object_unref(&l);
}

static void
class_network_listen_on(void *arg)
{
  struct network_listener *l = arg;
  struct pollfd *ready = memory_new((l->count + 1) * sizeof *ready);
  ready[l->count] = (struct pollfd){.fd = l->wake, .events = POLLIN};
  for (size_t i = 0; i < l->count; i++)
    ready[i] = (struct pollfd){.fd = l->ears[i].fd, .events = POLLIN};
  while (!helpers_stopping()) {
    if (poll(ready, l->count + 1, -1) < 0 && errno != EINTR)
      break;
    for (size_t i = 0; i < l->count; i++)
      if ((ready[i].revents & POLLIN) != 0)
        class_network_hear(&l->ears[i]);
  }
  free(ready);
}

static void
class_network_wake(void *arg)
{
  const struct network_listener *l = arg;
  uint64_t one = 1;
  while (write(l->wake, &one, sizeof one) < 0 && errno == EINTR)
    ;
}

static int
class_network_start_listening(struct call *c)
{
  struct network_listener *l = c->self;
  if (l->started)
    return call_fault(c, FAULT_CAUGHT, "This listener was started already");
  l->started = true;
  if (!helper_start(&(struct helper_work){.name = "lua/listener",
                                          .run = class_network_listen_on,
                                          .wake = class_network_wake,
                                          .free_arg = class_network_listener_end,
                                          .arg = object_ref(l)}))
    return call_fault(c, FAULT_CAUGHT, "No more threads can be started");
  return 0;
}

#define FUNCTION_WORDS "function(endpointID, payload, from)"

static const struct lua_function listener_methods[] = {
    {.name = "addUnixListeningEndpoint",
     .help = "Call the function for each datagram that arrives at a UNIX socket; false: it cannot be opened",
     .params = PARAMS({.name = "path", .type = PARAM_STRING, .help = "of the socket; a zero byte first: abstract"},
                      {.name = "endpointID", .type = PARAM_INT, PARAM_MODULO_16, .help = "a number to tell it by, 0 to 65535"},
                      {.name = "callback", .type = PARAM_FUNCTION, .help = FUNCTION_WORDS}),
     .returns = "boolean",
     .call = class_network_add_ear},
    {.name = "addUnixListeningEndpointFFI",
     .help = "The same with a message to be read by ffi.C.dnsdist_ffi_network_message_...(), as long as the call lasts",
     .params = PARAMS({.name = "path", .type = PARAM_STRING, .help = "of the socket; a zero byte first: abstract"},
                      {.name = "endpointID", .type = PARAM_INT, PARAM_MODULO_16, .help = "a number to tell it by, 0 to 65535"},
                      {.name = "callback", .type = PARAM_FUNCTION, .help = "function(message)"}),
     .returns = "boolean",
     .call = class_network_add_ear,
     .data = &class_network_listener},
    {.name = "start", .help = "Begin to listen", .call = class_network_start_listening},
    {.name = NULL}};

const struct lua_class class_network_listener = {
    .name = "NetworkListener",
    .help = "Listens on UNIX datagram sockets, on a thread of its own.",
    .object = &listener_class,
    .methods = listener_methods,
};

static int
class_network_new_listener(struct call *c)
{
  struct network_listener *l = memory_new(sizeof *l);
  object_init(&l->object, &listener_class);
  l->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  binder_push_object(c->lua, call_own(c, l));
  return l->wake >= 0 ? 1 : call_fault(c, FAULT_CAUGHT, "Unable to make a listener: %s", strerror(errno));
}

const struct lua_function functions_network[] = {
    {.name = "newNetworkEndpoint",
     .help = "A UNIX datagram socket to send to; one that cannot be reached is not valid and sends nothing",
     .params = PARAMS({.name = "path", .type = PARAM_STRING, .help = "of the socket; a zero byte first: abstract"}),
     .returns = "NetworkEndpoint",
     .call = class_network_new_endpoint},
    {.name = "newNetworkListener",
     .help = "A listener for datagrams over UNIX sockets",
     .returns = "NetworkListener",
     .call = class_network_new_listener},
    {.name = NULL}};
