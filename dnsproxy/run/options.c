// SPDX-License-Identifier: BSD-2-Clause
// Reading the command line.
#include "dnsproxy/run/options.h"

#include "config.h"
#include "dnsproxy/base/memory.h"
#include "dnsproxy/core/version.h"
#include "dnsproxy/core/worker.h"
#include "lua/scripts/control_state.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { OPT_CHECK = 256, OPT_SUPERVISED, OPT_NO_SYSLOG, OPT_TIMESTAMPS, OPT_STRUCTURED, OPT_BACKEND, OPT_DESCRIBE, OPT_EXPLAIN, OPT_WORKERS };

static const struct option long_options[] = {
    {"acl", required_argument, NULL, 'a'},
    {"check-config", no_argument, NULL, OPT_CHECK},
    {"client", no_argument, NULL, 'c'},
    {"config", required_argument, NULL, 'C'},
    {"describe", required_argument, NULL, OPT_DESCRIBE},
    {"disable-syslog", no_argument, NULL, OPT_NO_SYSLOG},
    {"execute", required_argument, NULL, 'e'},
    {"explain", required_argument, NULL, OPT_EXPLAIN},
    {"gid", required_argument, NULL, 'g'},
    {"help", no_argument, NULL, 'h'},
    {"local", required_argument, NULL, 'l'},
    {"log-timestamps", no_argument, NULL, OPT_TIMESTAMPS},
    {"setkey", required_argument, NULL, 'k'},
    {"structured-logging", required_argument, NULL, OPT_STRUCTURED},
    {"structured-logging-backend", required_argument, NULL, OPT_BACKEND},
    {"supervised", no_argument, NULL, OPT_SUPERVISED},
    {"uid", required_argument, NULL, 'u'},
    {"verbose", no_argument, NULL, 'v'},
    {"version", no_argument, NULL, 'V'},
    {"workers", required_argument, NULL, OPT_WORKERS},
    {NULL, 0, NULL, 0},
};

static const char usage[] =
    "usage: dnsproxy [options] [backend ...]\n"
    "       dnsproxy -c [options] [console address]\n"
    "\n"
    "  -a, --acl MASK            allow clients of this range; may be repeated\n"
    "      --check-config        load the configuration, say whether it is good, and leave\n"
    "  -c, --client              console client\n"
    "  -C, --config FILE         configuration file\n"
    "      --describe FORM       print every declared name: luals, man, completion or json\n"
    "      --disable-syslog      log to standard output only\n"
    "  -e, --execute COMMAND     run one console command and leave\n"
    "      --explain QUERY       load the configuration, say what it would do with 'NAME [KEY=VALUE ...]'\n"
    "                            (keys of explain(): type, client, tcp, form...), and leave\n"
    "  -g, --gid GROUP           group after the sockets are bound\n"
    "  -h, --help                this text\n"
    "  -k, --setkey KEY          console key, base64\n"
    "  -l, --local ADDRESS       listen here, UDP and TCP; may be repeated\n"
    "      --log-timestamps      prefix plain log lines with the time\n"
    "      --structured-logging true|false\n"
    "      --structured-logging-backend default|json|systemd-journal\n"
    "      --supervised          no interactive console: for service managers\n"
    "  -u, --uid USER            user after the sockets are bound\n"
    "  -v, --verbose             say more\n"
    "  -V, --version             print version and features\n"
    "      --workers N           worker threads (one per CPU)\n"
    "\n"
    "A backend is an address with an optional port (53).\n";

static void
options_print_version(void)
{
  printf("%s (%s)\n", program_version(), lua_version_text());
  printf("Enabled features: %s\n", program_features());
  printf("Configured with: %s\n", CONFIGURE_ARGS);
}

static void
options_append(const char ***list, size_t *count, const char *word)
{
  *list = memory_resize(*list, *count + 1, sizeof **list);
  (*list)[(*count)++] = word;
}

// A word that is not known leaves the default, and is told once the options are read.
static void
options_take_backend(struct options *o, const char *name)
{
  o->unknown_backend = log_backend_from_text(name, &log_settings()->backend) ? NULL : name;
}

static bool
options_take_workers(struct options *o, const char *arg)
{
  char *end;
  long n = strtol(arg, &end, 10);
  if (end == arg || *end != '\0' || n < 1 || n > WORKERS_MAX) {
    fprintf(stderr, "--workers takes a number from 1 to %d, not '%s'\n", WORKERS_MAX, arg);
    return false;
  }
  o->workers = (unsigned)n;
  return true;
}

// One option; false when it is not known, or wrong and told.
static bool
options_take(struct options *o, int c, const char *arg)
{
  struct log_settings *log = log_settings();
  switch (c) {
  case 'a': options_append(&o->acl, &o->acl_count, arg); break;
  case 'c': o->client = o->operand_is_console = log->to_stderr = true; break;
  case 'C': o->config = arg; break;
  case 'e': o->client = log->to_stderr = true, o->execute = arg; break;
  case 'g': o->group = arg; break;
  case 'k': o->key = arg; break;
  case 'l': options_append(&o->locals, &o->local_count, arg); break;
  case 'u': o->user = arg; break;
  case 'v': log->verbose = true; break;
  case OPT_CHECK: o->check_config = true; break;
  case OPT_DESCRIBE: o->describe = arg; break;
  case OPT_EXPLAIN: o->explain = arg, log->to_stderr = true; break;
  case OPT_SUPERVISED: o->supervised = true; break;
  case OPT_NO_SYSLOG: log->syslog = false; break;
  case OPT_TIMESTAMPS: log->timestamps = true; break;
  case OPT_STRUCTURED: log->structured = strcasecmp(arg, "true") == 0; break;
  case OPT_BACKEND: options_take_backend(o, arg); break;
  case OPT_WORKERS: return options_take_workers(o, arg);
  default: return false;
  }
  return true;
}

enum options_result
options_parse(struct options *o, int argc, char **argv)
{
  *o = (struct options){.config = NULL};
  int c;
  while ((c = getopt_long(argc, argv, "a:cC:e:g:hk:l:u:vV", long_options, NULL)) != -1) {
    if (c == 'h') {
      fputs(usage, stdout);
      return OPTIONS_DONE;
    }
    if (c == 'V') {
      options_print_version();
      return OPTIONS_DONE;
    }
    if (!options_take(o, c, optarg)) {
      fputs(usage, stdout);
      return OPTIONS_WRONG;
    }
  }
  for (; optind < argc; optind++)
    options_append(&o->operands, &o->operand_count, argv[optind]);
  if (o->unknown_backend != NULL && !o->client)
    log_warning("setup", "The backend '%s' of structured logging is not known", o->unknown_backend);
  return OPTIONS_RUN;
}

void
options_fini(struct options *o)
{
  free(o->acl);
  free(o->locals);
  free(o->operands);
}
