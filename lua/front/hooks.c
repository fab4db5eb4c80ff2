// SPDX-License-Identifier: BSD-2-Clause
// Health checks that ask scripts, as jobs that go from the keeper to the control thread and back; and the other hooks by
// which lower folders reach Lua.
//
//   keeper: check due --> job --control_post()--> control: Lua lock, checkFunction --keeper_post()--> keeper: asks
//   keeper: answer came --> job --> control: validator --> up or down --> keeper
//
// The keeper never takes the Lua lock: a script that takes long delays the check of its backend, and nothing else. A job has
// all that the function needs, by value or counted, and the backend may be removed meanwhile. Before threads run, at start,
// jobs are done at once.
#include "lua/front/hooks.h"

#include "dnsproxy/base/clock.h"
#include "dnsproxy/base/log.h"
#include "dnsproxy/base/memory.h"
#include "lua/scripts/callbacks.h"
#include "lua/binder/classes.h"
#include "lua/scripts/copies.h"
#include "lua/binder/errors.h"
#include "lua/scripts/script_call.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct job {
  struct job *next;
  void (*run)(struct job *, lua_State *); // Lua lock held
  struct script *script;                  // that is asked: of the backend; NULL: callbacks
  struct backend *backend;                // one reference
  struct health_query *query;             // prepare: the check's own, until it is told
  void (*prepared)(void *);
  uint8_t *answer; // validate: a copy
  size_t size;
  void (*validated)(void *, bool);
  void *arg;
  bool up; // changed: the new state; validate: the verdict
};

// First in, first out: state changes are told in their order.
struct queue {
  struct job *first, **last;
};

static struct queue asked = {.last = &asked.first}, answered = {.last = &answered.first};
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; // of both queues
static lua_post_fn post_control, post_keeper;            // set before threads start

static void
hooks_put(struct queue *queue, struct job *job)
{
  pthread_mutex_lock(&lock);
  job->next = NULL;
  *queue->last = job;
  queue->last = &job->next;
  pthread_mutex_unlock(&lock);
}

static struct job *
hooks_take(struct queue *queue)
{
  pthread_mutex_lock(&lock);
  struct job *job = queue->first;
  if (job != NULL && (queue->first = job->next) == NULL)
    queue->last = &queue->first;
  pthread_mutex_unlock(&lock);
  return job;
}

// Keeper: hands over the result, if anybody waits for one.
static void
hooks_finish(struct job *job)
{
  if (job->prepared != NULL)
    job->prepared(job->arg);
  if (job->validated != NULL)
    job->validated(job->arg, job->up);
  object_unref(&job->backend);
  free(job->answer);
  free(job);
}

static void
hooks_finish_answered(void *arg)
{
  (void)arg;
  for (struct job *job; (job = hooks_take(&answered)) != NULL;)
    hooks_finish(job);
}

static void hooks_report(const struct job *, const char *what, const char *error);

static void
hooks_job_step(lua_State *lua, void *arg)
{
  struct job *job = arg;
  job->run(job, lua);
}

static void
hooks_run_script(struct job *job)
{
  struct text message;
  text_init(&message);
  lua_State *lua = job->script != NULL ? script_enter(job->script) : control_lock();
  if (lua == NULL) { // nobody is left to be asked
    text_fini(&message);
    return;
  }
  if (!errors_protect(lua, hooks_job_step, job, &message))
    hooks_report(job, "A function of a backend failed", message.data);
  control_unlock();
  text_fini(&message);
}

// Control.
static void
hooks_run_asked(void *arg)
{
  (void)arg;
  for (struct job *job; (job = hooks_take(&asked)) != NULL;) {
    hooks_run_script(job);
    hooks_put(&answered, job);
    post_keeper(hooks_finish_answered, NULL);
  }
}

static struct job *
hooks_job_new(struct backend *b, void (*run)(struct job *, lua_State *))
{
  struct job *job = memory_new(sizeof *job);
  job->backend = object_ref(b);
  job->run = run;
  return job;
}

static void
hooks_submit(struct job *job)
{
  if (post_control == NULL) {
    hooks_run_script(job);
    hooks_finish(job);
    return;
  }
  hooks_put(&asked, job);
  post_control(hooks_run_asked, NULL);
}

static void
hooks_report(const struct job *job, const char *what, const char *error)
{
  const struct log_field fields[] = {{"backend.name", backend_full_name(job->backend)}, {NULL, NULL}};
  log_event(&(struct log_event){
      .priority = LOG_PRIO_WARNING, .message = what, .error = error, .subsystem = "backend", .fields = fields});
}

// Calls `step` with the job in protected mode; false: the error was told.
static bool
hooks_protected_step(lua_State *lua, lua_CFunction step, struct job *job, const char *what)
{
  if (lua_cpcall(lua, step, job) == 0)
    return true;
  const char *error = binder_error_text(lua, -1);
  if (error == NULL)
    error = lua_isstring(lua, -1) ? lua_tostring(lua, -1) : "an error that is no text";
  hooks_report(job, what, error);
  return false;
}

// ---- checkFunction ----

static void
hooks_push_question(lua_State *lua, const struct health_query *q)
{
  *(struct name *)binder_push_value(lua, &class_name) = q->name;
  lua_pushinteger(lua, q->type);
  lua_pushinteger(lua, q->class);
}

static bool
hooks_read_name(lua_State *lua, int index, struct name *out)
{
  const struct name *name = binder_test(lua, index, &class_name);
  if (name != NULL)
    *out = *name;
  size_t size;
  const char *text = name == NULL && lua_isstring(lua, index) ? lua_tolstring(lua, index, &size) : NULL;
  return name != NULL || (text != NULL && name_from_text(out, text, size, NULL));
}

static int
hooks_prepare_step(lua_State *lua)
{
  struct job *job = lua_touserdata(lua, 1);
  struct health_query query = *job->query;
  struct header_handle *header = binder_push_value(lua, &class_header);
  memcpy(header->bytes + 2, query.flags, sizeof query.flags);
  copies_will_run_script(lua, job->backend->options.check.function);
  script_push(lua, job->backend->options.check.function);
  hooks_push_question(lua, &query);
  lua_pushvalue(lua, 2); // the header: stays below, so that its bits can be read afterwards
  lua_call(lua, 4, 3);
  if (!hooks_read_name(lua, -3, &query.name) || !lua_isnumber(lua, -2) || !lua_isnumber(lua, -1)) {
    lua_pushliteral(lua, "a checkFunction must return a name, a type and a class");
    return lua_error(lua);
  }
  query.type = (uint16_t)lua_tointeger(lua, -2);
  query.class = (uint16_t)lua_tointeger(lua, -1);
  memcpy(query.flags, header->bytes + 2, sizeof query.flags);
  query.flags[0] &= (uint8_t)~FLAG2_QR; // still a query
  *job->query = query;
  return 0;
}

static void
hooks_prepare_run(struct job *job, lua_State *lua)
{
  hooks_protected_step(lua, hooks_prepare_step, job,
                       "The checkFunction of a backend failed: its health check is as configured");
}

static void
hooks_prepare(struct backend *b, struct health_query *query, void (*done)(void *), void *arg)
{
  struct job *job = hooks_job_new(b, hooks_prepare_run);
  job->script = b->options.check.function;
  job->query = query;
  job->prepared = done;
  job->arg = arg;
  hooks_submit(job);
}

// ---- validator ----

// The answer as a query on its way back, but for what needs a worker.
static void
hooks_make_query(struct query *q, const struct job *job)
{
  struct question question;
  const struct backend_options *o = &job->backend->options;
  *q = (struct query){.magic = QUERY_MAGIC, .limits.failure_ttl = -1, .is_answer = true, .backend = job->backend};
  q->packet = (struct wire_buffer){.data = job->answer, .size = job->size, .capacity = job->size};
  q->arrival.client = q->arrival.peer = q->arrival.destination = o->address;
  q->arrival.transport = o->check.over_tcp && !o->protocol->stream ? &transport_tcp : o->protocol->transport;
  q->received_us = clock_mono_us();
  q->question_end = HEADER_SIZE;
  if (!message_question(job->answer, job->size, &question))
    return;
  q->question_end = question.end;
  q->qname.size = question.name.size;
  memcpy(q->qname.bytes, question.name.bytes, question.name.size);
  q->qtype = question.type;
  q->qclass = question.class;
}

static void
hooks_validate_run(struct job *job, lua_State *lua)
{
  struct script *script = job->backend->options.check.validator;
  struct script_call call;
  struct query q;
  hooks_make_query(&q, job);
  copies_will_run_script(lua, script);
  bool good = script_call_begin(&call, script, &q, SIDE_RESPONSE);
  if (good) {
    script_call_push_question(&call);
    good = script_call_run(&call, 1, 1);
  }
  if (good && !lua_isboolean(lua, -1)) {
    call.error = "a validator must return true or false";
    good = false;
  }
  job->up = good && lua_toboolean(lua, -1);
  if (!good)
    hooks_report(job, "The validator of a backend failed: its health check counts as failed", call.error);
  script_call_end(&call);
}

static void
hooks_validate(struct backend *b, const uint8_t *answer, size_t size, void (*done)(void *, bool), void *arg)
{
  struct job *job = hooks_job_new(b, hooks_validate_run);
  job->script = b->options.check.validator;
  job->answer = memory_copy(answer, size);
  job->size = size;
  job->validated = done;
  job->arg = arg;
  hooks_submit(job);
}

// ---- state changes ----

// One callback that fails does not keep the others from hearing of it.
static void
hooks_changed_run(struct job *job, lua_State *lua)
{
  struct text message;
  text_init(&message);
  for (size_t i = 0; i < callbacks_count(CALLBACK_SERVER_STATE); i++) {
    copies_will_run_script(lua, callbacks_at(CALLBACK_SERVER_STATE, i));
    script_push(lua, callbacks_at(CALLBACK_SERVER_STATE, i));
    lua_pushstring(lua, backend_full_name(job->backend));
    lua_pushboolean(lua, job->up);
    if (errors_call_short(lua, 2, 0, &message))
      continue;
    hooks_report(job, "Error during execution of a callback for a server's state", message.data);
    text_clear(&message);
  }
  text_fini(&message);
}

static void
hooks_changed(struct backend *b, bool up)
{
  struct job *job = hooks_job_new(b, hooks_changed_run);
  job->up = up;
  hooks_submit(job);
}

// ---- what others call ----

const struct health_hooks *
lua_health_hooks(void)
{
  static const struct health_hooks hooks = {.prepare = hooks_prepare, .validate = hooks_validate, .changed = hooks_changed};
  return &hooks;
}

void
lua_hooks_set_post(lua_post_fn control, lua_post_fn keeper)
{
  post_control = control;
  post_keeper = keeper;
}

void
lua_hooks_close(void)
{
  lua_hooks_set_post(NULL, NULL);
  for (struct job *job; (job = hooks_take(&asked)) != NULL;)
    hooks_finish(job); // its script was never asked: whoever waits is cancelled
  hooks_finish_answered(NULL);
}
