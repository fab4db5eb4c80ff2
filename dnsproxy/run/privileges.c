// SPDX-License-Identifier: BSD-2-Clause
// Dropping user, group and capabilities.
#include "dnsproxy/run/privileges.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <unistd.h>

static bool
privileges_number_of(const char *text, unsigned *id)
{
  char *end;
  unsigned long n = strtoul(text, &end, 10);
  *id = (unsigned)n;
  return *text != '\0' && *end == '\0';
}

static bool
privileges_drop_group(const char *name, struct fault *fault)
{
  unsigned id;
  struct group *g = getgrnam(name);
  if (g != NULL)
    id = g->gr_gid;
  else if (!privileges_number_of(name, &id))
    return fault_set(fault, FAULT_PLAIN, "Unknown group '%s'", name);
  gid_t gid = id;
  if (setgroups(1, &gid) < 0 || setgid(gid) < 0)
    return fault_set(fault, FAULT_PLAIN, "Unable to change the group to '%s': %s", name, strerror(errno));
  return true;
}

// Without a group of our own choice: the user's groups, none for a number that is no user's. The one of the process
// would be root's.
static bool
privileges_drop_groups_for(const struct passwd *p, const char *name, struct fault *fault)
{
  bool good = p != NULL ? initgroups(p->pw_name, p->pw_gid) == 0 && setgid(p->pw_gid) == 0 : setgroups(0, NULL) == 0;
  return good || fault_set(fault, FAULT_PLAIN, "Unable to change the groups to those of '%s': %s", name, strerror(errno));
}

static bool
privileges_drop_user(const char *name, bool groups_too, struct fault *fault)
{
  unsigned id;
  struct passwd *p = getpwnam(name);
  if (p == NULL && !privileges_number_of(name, &id))
    return fault_set(fault, FAULT_PLAIN, "Unknown user '%s'", name);
  if (p == NULL)
    p = getpwuid(id);
  if (p != NULL)
    id = p->pw_uid;
  if (groups_too && !privileges_drop_groups_for(p, name, fault))
    return false;
  // Kept over the change so that capabilities_keep() decides which stay.
  prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0);
  if (setuid(id) < 0)
    return fault_set(fault, FAULT_PLAIN, "Unable to change the user to '%s': %s", name, strerror(errno));
  return true;
}

bool
privileges_drop(const char *user, const char *group, struct fault *fault)
{
  if (user == NULL && group == NULL)
    return true;
  if (getenv("NOTIFY_SOCKET") != NULL)
    return fault_set(fault, FAULT_PLAIN, "-u and -g cannot be used under a service manager: set User= and Group= in its unit");
  if (group != NULL && !privileges_drop_group(group, fault))
    return false;
  return user == NULL || privileges_drop_user(user, group == NULL, fault);
}

bool
capabilities_keep(char *const *names, size_t count, struct fault *fault)
{
  cap_t have = cap_get_proc(), keep = cap_init();
  bool good = have != NULL && keep != NULL;
  for (size_t i = 0; good && i < count; i++) {
    cap_value_t value;
    cap_flag_value_t permitted = CAP_CLEAR;
    if (cap_from_name(names[i], &value) < 0) {
      good = fault_set(fault, FAULT_PLAIN, "Unknown capability '%s'", names[i]);
    } else if (cap_get_flag(have, value, CAP_PERMITTED, &permitted) == 0 && permitted == CAP_SET) {
      cap_set_flag(keep, CAP_PERMITTED, 1, &value, CAP_SET);
      cap_set_flag(keep, CAP_EFFECTIVE, 1, &value, CAP_SET);
    }
  }
  if (good && cap_set_proc(keep) < 0)
    good = fault_set(fault, FAULT_PLAIN, "Unable to drop capabilities: %s", strerror(errno));
  cap_free(have);
  cap_free(keep);
  return good;
}
