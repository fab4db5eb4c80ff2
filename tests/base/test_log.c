// SPDX-License-Identifier: BSD-2-Clause
// Unit tests of dnsproxy/base/log: what arrives on stdout, stderr and in the file of verbose lines.
#include "dnsproxy/base/log.h"

#include <fcntl.h>
#include <jansson.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include <cmocka.h>

static const uint64_t WHEN = 1700000000123456;

static const struct log_field fields[] = {{"address", "192.0.2.9:53"}, {"name", "a \"b\" \\ c\nd"}, {NULL, NULL}};
static const struct log_event event = {.priority = LOG_PRIO_WARNING,
                                       .message = "It broke",
                                       .error = "line 1\nline 2",
                                       .subsystem = "backend",
                                       .fields = fields};

static int
reset(void **state)
{
  (void)state;
  struct log_settings *s = log_settings();
  memset(s, 0, sizeof *s);
  s->structured = true;
  s->facility = LOG_DAEMON;
  setenv("TZ", "UTC", 1);
  return 0;
}

static void
assert_format(void (*format)(struct text *, const struct log_event *, uint64_t), const struct log_event *e,
              const char *want)
{
  struct text t;
  text_init(&t);
  format(&t, e, WHEN);
  assert_string_equal(t.data, want);
  text_fini(&t);
}

static void
default_form(void **state)
{
  (void)state;
  assert_format(log_format_default, &event,
                "msg=\"It broke\" error=\"line 1\nline 2\" subsystem=\"backend\" level=\"0\" prio=\"Warning\" "
                "ts=\"1700000000.123\" address=\"192.0.2.9:53\" name=\"a \\\"b\\\" \\\\ c\nd\"\n");
  strcpy(log_settings()->instance, "foobar");
  log_settings()->iso8601 = true;
  assert_format(log_format_default, &(struct log_event){.priority = LOG_PRIO_INFO, .message = "Configuration OK"},
                "msg=\"Configuration OK\" level=\"0\" prio=\"Info\" instance=\"foobar\" "
                "ts=\"2023-11-14T22:13:20+0000\"\n");
}

static void
json_form(void **state)
{
  (void)state;
  assert_format(log_format_json, &event,
                "{\"address\": \"192.0.2.9:53\", \"error\": \"line 1\\nline 2\", \"level\": \"0\", "
                "\"msg\": \"It broke\", \"name\": \"a \\\"b\\\" \\\\ c\\nd\", \"priority\": \"4\", "
                "\"subsystem\": \"backend\", \"ts\": \"1700000000.123\"}\n");
  strcpy(log_settings()->instance, "foobar");
  assert_format(log_format_json, &(struct log_event){.priority = LOG_PRIO_INFO, .message = "m"},
                "{\"instance\": \"foobar\", \"level\": \"0\", \"msg\": \"m\", \"priority\": \"6\", "
                "\"ts\": \"1700000000.123\"}\n");
}

// Any bytes come out as JSON that a strict reader takes; good UTF-8 comes out unchanged.
static void
json_is_always_valid(void **state)
{
  (void)state;
  static const char good[] = "\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80 \x7f";
  unsigned seed = 5;
  for (int round = 0; round < 3000; round++) {
    char bytes[30];
    size_t size = 0;
    if (round == 0)
      memcpy(bytes, good, size = sizeof good - 1);
    else
      for (; size < sizeof bytes - 1; size++)
        do
          bytes[size] = (char)(round % 2 == 0 ? rand_r(&seed) : "\xc3\xa4\xe0\xed\xf0\xf4\x80\xbf\x90\x9f\xff" "a"[rand_r(&seed) % 12]);
        while (bytes[size] == '\0');
    bytes[size] = '\0';
    struct text t;
    text_init(&t);
    log_format_json(&t, &(struct log_event){.priority = LOG_PRIO_INFO, .message = bytes}, WHEN);
    json_t *read = json_loadb(t.data, t.size, 0, NULL);
    assert_non_null(read);
    if (round == 0)
      assert_string_equal(json_string_value(json_object_get(read, "msg")), good);
    json_decref(read);
    text_fini(&t);
  }
}

static void
plain_form(void **state)
{
  (void)state;
  struct log_event e = event;
  assert_format(log_format_plain, &e, "It broke: line 1\nline 2\n");
  e.plain = "Marking downstream east1 (192.0.2.9:53) as 'up'";
  assert_format(log_format_plain, &e, "Marking downstream east1 (192.0.2.9:53) as 'up'\n");
  log_settings()->timestamps = true;
  e.plain = "x";
  assert_format(log_format_plain, &e, "Nov 14 22:13:20 x\n");
}

static void
journal_names(void **state)
{
  (void)state;
  static const char *const rows[][2] = {{"backend.health_check.status", "BACKEND_HEALTH_CHECK_STATUS"},
                                        {"message", "PDNSMESSAGE"},
                                        {"Error", "PDNSERROR"},
                                        {"2nd", "PDNS2ND"},
                                        {"_pid", "PDNS_PID"}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct text t;
    text_init(&t);
    log_journal_key(&t, rows[i][0]);
    assert_string_equal(t.data, rows[i][1]);
    text_fini(&t);
  }
}

// What `act` writes to the descriptor. The caller frees it.
static char *
captured(int fd, void (*act)(void))
{
  FILE *file = tmpfile();
  assert_non_null(file);
  fflush(stdout);
  int saved = dup(fd);
  dup2(fileno(file), fd);
  act();
  dup2(saved, fd);
  close(saved);
  long size = ftell(file) >= 0 && fseek(file, 0, SEEK_END) == 0 ? ftell(file) : 0;
  char *text = calloc(1, (size_t)size + 1);
  rewind(file);
  assert_int_equal(fread(text, 1, (size_t)size, file), size);
  fclose(file);
  return text;
}

static void
log_several(void)
{
  log_info("setup", "one %d", 1);
  log_warning(NULL, "two");
  log_error("net", "three");
  log_verbose("net", "four");
  log_sentence(LOG_PRIO_INFO, "bye, %s", "all");
}

static char *
without_time(char *text)
{
  for (char *at = text; (at = strstr(at, "ts=\"")) != NULL;) {
    char *end = strchr(at + 4, '"');
    memmove(at + 4, end, strlen(end) + 1);
    at += 4;
  }
  return text;
}

static void
lines_go_to_stdout(void **state)
{
  (void)state;
  char *text = captured(STDOUT_FILENO, log_several);
  assert_string_equal(without_time(text), "msg=\"one 1\" subsystem=\"setup\" level=\"0\" prio=\"Info\" ts=\"\"\n"
                                          "msg=\"two\" level=\"0\" prio=\"Warning\" ts=\"\"\n"
                                          "msg=\"three\" subsystem=\"net\" level=\"0\" prio=\"Error\" ts=\"\"\n"
                                          "bye, all\n");
  free(text);
  log_settings()->structured = false;
  log_settings()->verbose = true;
  text = captured(STDOUT_FILENO, log_several);
  assert_string_equal(text, "one 1\ntwo\nthree\nfour\nbye, all\n");
  free(text);
}

static void
json_goes_to_stderr(void **state)
{
  (void)state;
  log_settings()->backend = LOG_BACKEND_JSON;
  char *text = captured(STDOUT_FILENO, log_several);
  assert_string_equal(text, "bye, all\n");
  free(text);
  text = captured(STDERR_FILENO, log_several);
  assert_true(strncmp(text, "{\"level\": \"0\", \"msg\": \"one 1\", \"priority\": \"6\", \"subsystem\": \"setup\", ", 70) == 0);
  free(text);
}

static void
verbose_lines_have_a_file(void **state)
{
  (void)state;
  char first[] = "/tmp/test_log.XXXXXX", second[] = "/tmp/test_log.XXXXXX", read[100] = "";
  close(mkstemp(first));
  close(mkstemp(second));
  log_settings()->structured = false;
  log_settings()->verbose = true;
  assert_false(log_verbose_destination("/nonexistent/folder/file"));
  assert_true(log_verbose_destination(first));
  char *text = captured(STDOUT_FILENO, log_several);
  assert_string_equal(text, "one 1\ntwo\nthree\nbye, all\n");
  free(text);
  assert_true(log_verbose_destination(second));
  log_verbose(NULL, "five");
  for (int i = 0; i < 2; i++) {
    int fd = open(i == 0 ? first : second, O_RDONLY);
    memset(read, 0, sizeof read);
    assert_true(pread(fd, read, sizeof read - 1, 0) > 0);
    assert_string_equal(read, i == 0 ? "four\n" : "five\n");
    close(fd);
  }
  unlink(first);
  unlink(second);
}

static void *
log_many(void *arg)
{
  (void)arg;
  for (int i = 0; i < 500; i++)
    log_event(&event);
  return NULL;
}

static void
log_from_threads(void)
{
  pthread_t threads[4];
  for (int i = 0; i < 4; i++)
    pthread_create(&threads[i], NULL, log_many, NULL);
  for (int i = 0; i < 4; i++)
    pthread_join(threads[i], NULL);
}

static void
lines_stay_whole(void **state)
{
  (void)state;
  log_settings()->backend = LOG_BACKEND_JSON;
  char *text = captured(STDERR_FILENO, log_from_threads), *line = text;
  int lines = 0;
  for (char *end; (end = strchr(line, '\n')) != NULL; line = end + 1, lines++) {
    json_t *read = json_loadb(line, (size_t)(end - line), 0, NULL);
    assert_non_null(read);
    json_decref(read);
  }
  assert_int_equal(lines, 2000);
  free(text);
}

static void
facilities(void **state)
{
  (void)state;
  int facility = -1;
  assert_true(log_facility_from_text("LOCAL3", &facility));
  assert_int_equal(facility, LOG_LOCAL3);
  assert_true(log_facility_from_text("log_daemon", &facility));
  assert_int_equal(facility, LOG_DAEMON);
  assert_true(log_facility_from_text("128", &facility));
  assert_int_equal(facility, LOG_LOCAL0);
  assert_false(log_facility_from_text("X", &facility) || log_facility_from_text("", &facility));
  assert_false(log_facility_from_text("7", &facility) || log_facility_from_text("LOG_", &facility));
  assert_int_equal(facility, LOG_LOCAL0);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup(default_form, reset),
      cmocka_unit_test_setup(json_form, reset),
      cmocka_unit_test_setup(json_is_always_valid, reset),
      cmocka_unit_test_setup(plain_form, reset),
      cmocka_unit_test_setup(journal_names, reset),
      cmocka_unit_test_setup(lines_go_to_stdout, reset),
      cmocka_unit_test_setup(json_goes_to_stderr, reset),
      cmocka_unit_test_setup(verbose_lines_have_a_file, reset),
      cmocka_unit_test_setup(lines_stay_whole, reset),
      cmocka_unit_test_setup(facilities, reset),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
