// SPDX-License-Identifier: BSD-2-Clause
// dnsproxy: from the command line to a running process, in the order of cli.md section 3, and back down.
#include "dnsproxy/base/log.h"
#include "dnsproxy/run/options.h"
#include "dnsproxy/run/start.h"

#include <event2/event.h>
#include <event2/thread.h>
#include <fcntl.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

// What is opened first would become standard output otherwise, and get the log.
static void
fill_standard_descriptors(void)
{
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
    if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) < 0)
      _exit(EXIT_FAILURE);
}

// What the event library would write to standard error itself, and wait for.
static void
tell_of_events(int severity, const char *message)
{
  if (severity >= EVENT_LOG_WARN)
    log_warning("events", "%s", message);
}

int
main(int argc, char **argv)
{
  struct options options;
  fill_standard_descriptors();
  setvbuf(stdout, NULL, _IOLBF, 0);
  if (sodium_init() < 0) {
    fputs("dnsproxy: libsodium cannot be initialised\n", stderr);
    return EXIT_FAILURE;
  }
  evthread_use_pthreads();
  event_set_log_callback(tell_of_events);
  enum options_result result = options_parse(&options, argc, argv);
  int status = result == OPTIONS_WRONG ? EXIT_FAILURE : EXIT_SUCCESS;
  if (result == OPTIONS_RUN) {
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); // a file that may not grow: the call fails, as on a full disk
    status = start(&options);
  }
  options_fini(&options);
  libevent_global_shutdown();
  return status;
}
