// SPDX-License-Identifier: BSD-2-Clause
// AsynchronousObject: a suspended query or answer that a script has taken back (getAsynchronousObject()).
//
//   dq:suspend(id, id2, ms) --> later: o = getAsynchronousObject(id, id2) --> o:getDQ() --> o:resume() or o:drop()
//
// While the script has it, nobody else finds it; its worker waits for it when time is over (walk/suspended). The query is a
// view that ends with resume() or drop(): afterwards each use is an error. One that a script forgets goes back when it is
// collected. Lua lock.
#include "dnsproxy/base/memory.h"
#include "dnsproxy/walk/suspended.h"
#include "lua/binder/classes.h"
#include "lua/scripts/question_access.h"
#include "lua/scripts/scripts.h"
#include "rules/act/self_answer.h"

#include <stdlib.h>

// Scopes are used again, never freed while the state lives: an object that its collector has outlived finds no query.
struct async_scope {
  struct scope scope; // first
  struct async_scope *next;
};

struct async_object {
  struct object object;
  struct suspended *suspended; // one reference
  struct async_scope *scope;
};

static void
class_async_scope_give(struct async_scope *s)
{
  struct scripts *here = control_scripts();
  s->next = here->spare_scopes;
  here->spare_scopes = s;
}

static void
class_async_free(struct object *o)
{
  struct async_object *a = (struct async_object *)(void *)o;
  suspended_give_back(a->suspended);
  object_unref(&a->suspended);
  a->scope->scope.query = NULL;
  class_async_scope_give(a->scope);
  free(a);
}

static const struct object_class async_class = {.name = "AsynchronousObject", .free = class_async_free};

static struct async_scope *
class_async_scope_take(void)
{
  struct scripts *here = control_scripts();
  struct async_scope *s = here->spare_scopes;
  if (s == NULL)
    s = memory_new(sizeof *s);
  else
    here->spare_scopes = s->next;
  *s = (struct async_scope){.scope = {.level = SCOPE_OWNED}};
  return s;
}

void
async_scopes_close(struct async_scope *s)
{
  for (struct async_scope *next; s != NULL; s = next) {
    next = s->next;
    free(s);
  }
}

// The view keeps the object, and the object the query.
static int
class_async_push_view(struct call *c, const struct lua_class *class)
{
  struct async_object *a = c->self;
  struct question_handle *h = binder_push_value(c->lua, class);
  h->scope = &a->scope->scope;
  lua_createtable(c->lua, 1, 0);
  lua_pushvalue(c->lua, 1);
  lua_rawseti(c->lua, -2, 1);
  lua_setfenv(c->lua, -2);
  return 1;
}

// An answer is seen as one whatever it is asked for as: what a question can do to a query would not fit it.
static int
class_async_get_question(struct call *c)
{
  const struct async_object *a = c->self;
  return class_async_push_view(c, a->suspended->response ? &class_response : &class_question);
}

static int
class_async_get_response(struct call *c)
{
  return class_async_push_view(c, &class_response);
}

static int
class_async_resume(struct call *c)
{
  lua_pushboolean(c->lua, suspended_resume(((struct async_object *)c->self)->suspended));
  return 1;
}

static int
class_async_drop(struct call *c)
{
  lua_pushboolean(c->lua, suspended_drop(((struct async_object *)c->self)->suspended));
  return 1;
}

bool
async_set_rcode(struct query *q, unsigned rcode, bool clear)
{
  struct answer_form form = query_answer_form(q, &(struct answer_flags){.aa = 0, .ad = 0, .ra = -1}, 0);
  struct question question;
  if (clear) {
    form.question_end = message_question(q->packet.data, q->packet.size, &question) ? question.end : HEADER_SIZE;
    if (!compose_rcode(&q->packet, &form, rcode))
      return false;
    q->packet_changed = true;
  } else {
    uint8_t *m = q->packet.data;
    m[2] = (uint8_t)((m[2] & ~FLAG2_AA) | FLAG2_QR);
    m[3] = (uint8_t)((m[3] & ~(FLAG3_RA | FLAG3_AD | FLAG3_RCODE)) | (rcode & FLAG3_RCODE) |
                     ((m[2] & FLAG2_RD) != 0 ? FLAG3_RA : 0));
  }
  return true;
}

static int
class_async_set_rcode(struct call *c)
{
  struct query *q = ((struct async_object *)c->self)->scope->scope.query;
  enum { RCODE_MAX = 0xfff };
  lua_pushboolean(c->lua, q != NULL && async_set_rcode(q, (unsigned)c->args[0].integer & RCODE_MAX, c->args[1].boolean));
  return 1;
}

static const struct lua_function async_methods[] = {
    {.name = "getDQ", .help = "The query that was suspended; usable until it goes on", .returns = "DNSQuestion",
     .call = class_async_get_question},
    {.name = "getDR", .help = "The answer that was suspended; usable until it goes on", .returns = "DNSResponse",
     .call = class_async_get_response},
    {.name = "resume", .help = "Let it go on; false: it is over already", .returns = "boolean", .call = class_async_resume},
    {.name = "drop", .help = "Drop it; false: it is over already", .returns = "boolean", .call = class_async_drop},
    {.name = "setRCode",
     .help = "Make it an answer with this rcode; false: it is over already",
     .params = PARAMS({.name = "rcode", .type = PARAM_INT, .most = 15, .outside = OUTSIDE_KEPT,
                       .why = "a header has room for 4 bits", .help = "DNSRCode"},
                      {.name = "clearRecords", .type = PARAM_BOOL, .help = "true: header and question are left"}),
     .returns = "boolean",
     .call = class_async_set_rcode},
    {.name = NULL}};

const struct lua_class class_async = {
    .name = "AsynchronousObject",
    .help = "A query or answer that was suspended: its owner until resume(), drop(), or the end of its time.",
    .object = &async_class,
    .methods = async_methods,
};

static int
class_async_get_async_object(struct call *c)
{
  struct async_scope *scope = class_async_scope_take();
  struct suspended *s =
      suspended_take((uint16_t)c->args[0].integer, (uint16_t)c->args[1].integer, &scope->scope.query);
  if (s == NULL) {
    class_async_scope_give(scope);
    return call_fault(c, FAULT_CAUGHT, "Unable to find asynchronous object");
  }
  scope->scope.side = s->response ? SIDE_RESPONSE : SIDE_QUERY;
  struct async_object *a = memory_new(sizeof *a);
  object_init(&a->object, &async_class);
  a->suspended = s;
  a->scope = scope;
  binder_push_object(c->lua, call_own(c, a));
  return 1;
}

const struct lua_function functions_async[] = {
    {.name = "getAsynchronousObject",
     .help = "Take back a query or answer that dq:suspend() or dr:suspend() parked; raises if it is gone",
     .params = PARAMS({.name = "asyncID", .type = PARAM_INT, PARAM_MODULO_16, .help = "as given to suspend()"},
                      {.name = "queryID", .type = PARAM_INT, PARAM_MODULO_16, .help = "as given to suspend()"}),
     .returns = "AsynchronousObject",
     .call = class_async_get_async_object},
    {.name = NULL}};
