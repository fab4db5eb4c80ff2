// SPDX-License-Identifier: BSD-2-Clause
// Start-up in the order of cli.md section 3, and the way down.
#include "dnsproxy/run/start.h"

#include "console/client.h"
#include "console/server.h"
#include "dnsproxy/backends/health.h"
#include "dnsproxy/base/log.h"
#include "dnsproxy/base/memory.h"
#include "dnsproxy/base/neighbours.h"
#include "dnsproxy/base/text.h"
#include "dnsproxy/config/configuration.h"
#include "dnsproxy/core/version.h"
#include "dnsproxy/guard/query_counts.h"
#include "dnsproxy/observe/observers.h"
#include "dnsproxy/run/control.h"
#include "dnsproxy/run/explain.h"
#include "dnsproxy/run/keeper.h"
#include "dnsproxy/run/listeners.h"
#include "dnsproxy/run/privileges.h"
#include "dnsproxy/run/worker_thread.h"
#include "lua/front/describe.h"
#include "lua/front/hooks.h"
#include "lua/scripts/control_state.h"
#include "lua/scripts/helpers.h"
#include "lua/scripts/thread_state.h"
#include "rules/act/log_file.h"
#include "services/service.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { FILES_WANTED = 4096 };

static int
start_fatal(const char *message, const char *error)
{
  log_event(&(struct log_event){.priority = LOG_PRIO_ERROR, .message = message, .error = error});
  return EXIT_FAILURE;
}

// ---- configuration ----

static const char *
start_config_path(const struct options *o)
{
  static const char *const candidates[] = {SYSCONFDIR "/dnsproxy/dnsproxy.conf", SYSCONFDIR "/dnsdist/dnsdist.conf",
                                           SYSCONFDIR "/dnsdist.conf"};
  if (o->config != NULL)
    return o->config;
  for (size_t i = 0; i < sizeof candidates / sizeof *candidates; i++)
    if (access(candidates[i], R_OK) == 0)
      return candidates[i];
  return candidates[0];
}

// -a fills the ACL instead of the private ranges; the configuration may still replace it.
static bool
start_acl_from_options(const struct options *o, struct fault *fault)
{
  if (o->acl_count == 0)
    return true;
  netmask_set_writable(&config()->acl);
  netmask_set_clear(config()->acl);
  for (size_t i = 0; i < o->acl_count; i++) {
    struct netmask mask;
    if (!netmask_parse(&mask, o->acl[i], fault))
      return false;
    netmask_set_add(config()->acl, &mask);
  }
  return true;
}

// In normal mode a file that is not there is told and the defaults hold; --check-config insists.
static bool
start_load_config(const struct options *o, const char *path)
{
  struct fault fault = FAULT_INIT;
  struct text detail;
  text_init(&detail);
  bool good = true;
  if (access(path, R_OK) != 0 && o->client && o->config == NULL) {
    // A console client can do without: its output is its answer alone.
  } else if (access(path, R_OK) != 0) {
    char text[400];
    snprintf(text, sizeof text, "Unable to read configuration from '%s': %s", path, strerror(errno));
    good = !o->check_config && o->explain == NULL;
    log_event(&(struct log_event){.priority = LOG_PRIO_ERROR, .message = good ? text : "Fatal error", .error = good ? NULL : text});
  } else if (!control_load_file(path, &fault, &detail)) {
    control_report_fault(&fault, &detail);
    good = false;
  }
  text_fini(&detail);
  return good;
}

static int
start_report_good(const char *path)
{
  char plain[4200];
  snprintf(plain, sizeof plain, "Configuration '%s' OK!", path);
  log_event(&(struct log_event){.priority = LOG_PRIO_INFO,
                                .message = "Configuration OK",
                                .subsystem = "setup",
                                .plain = plain,
                                .fields = (struct log_field[]){{"path", path}, {NULL, NULL}}});
  return EXIT_SUCCESS;
}

static bool
start_add_operand_backends(const struct options *o, struct fault *fault)
{
  for (size_t i = 0; i < o->operand_count; i++) {
    struct backend_options b;
    backend_options_default(&b);
    if (!address_parse(&b.address, o->operands[i], 53, fault))
      return false;
    struct backend *backend = backend_new(&b);
    pool_draft_add_backend(&config()->pools, backend);
    pool_entry_add(pool_draft_get(&config()->pools, ""), backend);
    object_unref(&backend);
  }
  return true;
}

// ---- serving ----

static void
start_warn_about_limits(void)
{
  struct rlimit files;
  if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    if (files.rlim_cur < FILES_WANTED)
      log_warning("setup", "Only %lu files may be open: connections will be refused early", (unsigned long)files.rlim_cur);
  }
  if (config()->pools.backend_count == 0)
    log_error("setup", "No backend is defined: only rules and the cache can answer");
}

static bool
start_open_everything(const struct options *o, struct fault *fault)
{
  unsigned count = o->workers > 0 ? o->workers : config()->workers > 0 ? config()->workers : worker_threads_default();
  worker_threads_make(count > WORKERS_MAX ? WORKERS_MAX : count);
  control_open();
  keeper_open();
  if (!start_add_operand_backends(o, fault) || !listeners_complete(o, fault) || !listeners_bind(worker_count(), fault))
    return false;
  if (config()->console_set && !console_server_open(control_base(), &config()->console_address, fault))
    return false;
  if (!privileges_drop(o->user, o->group, fault))
    return false;
  return capabilities_keep(config()->capabilities, config()->capability_count, fault);
}

// The control thread owns the console's sockets; who asks may be on any thread.
static void
start_move_console(void *arg)
{
  struct fault fault = FAULT_INIT;
  if (!console_server_open(control_base(), arg, &fault))
    log_error("console", "%s", fault.text);
  free(arg);
}

static void
start_ask_for_console(const struct address *address)
{
  control_post(start_move_console, memory_copy(address, sizeof *address));
}

static void
start_on_leave(void)
{
  control_stop();
  local_console_leave();
}

// Without a service manager the terminal is the console, and leaving it ends the process.
static void
start_foreground(void)
{
  local_console_run();
  keeper_ask_to_leave();
}

static void
start_run(const struct options *o)
{
  config()->phase = PHASE_RUNNING;
  // Until now lines were written at once and signals ended the process, as they do a console client or --check-config.
  log_start();
  keeper_take_signals();
  start_warn_about_limits();
  neighbours_open();
  control_lock();
  configuration_publish();
  control_unlock();
  // Scripted services first: they may be the backends that the first checks ask.
  worker_threads_start();
  worker_threads_serve(true);
  control_start();
  // Nobody runs the keeper's loop but this thread: scripts of checks are asked at once.
  keeper_watch(true);
  health_initial_round(keeper_base(), lua_health_hooks());
  keeper_watch(false);
  config()->console_open = start_ask_for_console;
  lua_hooks_set_post(control_post, keeper_post);
  health_start(keeper_base(), lua_health_hooks());
  worker_threads_serve(false);
  helpers_open();
  // Told before the keeper can tell that it stops.
  if (o->supervised)
    notify_manager("READY=1");
  keeper_start(start_on_leave);
  if (!o->supervised)
    start_foreground();
  control_join();
  configuration_reap(); // what it had left to do
  helpers_close();
  worker_threads_join();
  control_exit_callbacks();
}

static void
start_close_everything(void)
{
  console_server_close();
  keeper_stop();
  health_stop();
  lua_hooks_close();
  keeper_close();
  worker_threads_free();
  control_close();
  listeners_close();
  configuration_withdraw();
}

static int
start_serve(const struct options *o)
{
  struct fault fault = FAULT_INIT;
  int status = EXIT_SUCCESS;
  if (start_open_everything(o, &fault))
    start_run(o);
  else
    status = start_fatal(fault.kind == FAULT_ADDRESS ? "Fatal PowerDNS error" : "Fatal error", fault.text);
  start_close_everything();
  log_stop();
  return status;
}

static int
start_describe_to_stdout(const char *form)
{
  struct text text;
  text_init(&text);
  bool known = describe(form, &text);
  fputs(known ? text.data : "", stdout);
  if (!known)
    fprintf(stderr, "--describe knows luals, man, completion and json, not '%s'\n", form);
  text_fini(&text);
  return known ? EXIT_SUCCESS : EXIT_FAILURE;
}

// ---- console client ----

enum { CONSOLE_PORT = 5199 };

static int
start_run_client(const struct options *o)
{
  struct fault fault = FAULT_INIT;
  struct client_options client = {.address = config()->console_address,
                                  .key_set = config()->console_key_set,
                                  .execute = o->execute,
                                  .max_message = config()->settings.console_max_message};
  memcpy(client.key, config()->console_key, sizeof client.key);
  // The key of the command line wins.
  if (o->key != NULL)
    client.key_set = base64_decode(client.key, sizeof client.key, o->key, strlen(o->key)) == CONSOLE_KEY_SIZE;
  if (o->operand_is_console && o->operand_count > 0 && !address_parse(&client.address, o->operands[0], CONSOLE_PORT, &fault))
    return start_fatal("Fatal PowerDNS error", fault.text);
  return client_run(&client);
}

static int
start_loaded(const struct options *o)
{
  struct fault fault = FAULT_INIT;
  const char *path = start_config_path(o);
  if (!start_acl_from_options(o, &fault))
    return start_fatal("Fatal PowerDNS error", fault.text);
  if (!o->client && !o->check_config && o->explain == NULL)
    keeper_hold_signals();
  if (!start_load_config(o, path))
    return EXIT_FAILURE;
  if (o->client)
    return start_run_client(o);
  if (o->check_config)
    return start_report_good(path);
  if (o->explain != NULL)
    return explain_and_leave(o->explain);
  return start_serve(o);
}

static enum config_phase
start_phase(const struct options *o)
{
  return o->client ? PHASE_CLIENT : o->check_config || o->explain != NULL ? PHASE_CHECK : PHASE_LOADING;
}

int
start(const struct options *o)
{
  log_files_use(o->client || o->explain != NULL ? LOG_FILE_NONE : o->check_config ? LOG_FILE_CHECK : LOG_FILE_WRITE);
  configuration_use_part(&observers_part);
  scripts_open();
  services_open();
  configuration_go_live(configuration_new(start_phase(o)));
  int status = o->describe != NULL ? start_describe_to_stdout(o->describe) : start_loaded(o);
  thread_state_end();
  struct configuration *last = configuration_go_live(NULL);
  configuration_retire(&last);
  configuration_reap();
  query_counts_close();
  neighbours_stop();
  return status;
}
