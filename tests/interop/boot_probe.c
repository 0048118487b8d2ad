// SPDX-License-Identifier: Apache-2.0
// The workload of test_boot.py: says what it finds around it, one "probe NAME VALUE" a line.
// Linked statically, since nothing else is in its root.
#include <arpa/inet.h>
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

static void show_process(void) {
  gid_t group = 0;
  const int groups = getgroups(1, &group);
  printf("probe user %d:%d\nprobe groups %d:%d\n", getuid(), getgid(), groups, group);
  char folder[256] = "";
  printf("probe cwd %s\n", getcwd(folder, sizeof folder));
  struct utsname host;
  uname(&host);
  printf("probe host %s\n", host.nodename);
  for (char** one = environ; *one != NULL; ++one) printf("probe env %s\n", *one);
}

static void show_capabilities(void) {
  FILE* const status = fopen("/proc/self/status", "re");
  if (status == NULL) return;
  char line[256];
  while (fgets(line, sizeof line, status) != NULL) {
    if (strncmp(line, "CapEff:", 7) == 0) printf("probe capabilities %s", line + 8);
  }
  fclose(status);
}

static void show_root(void) {
  DIR* const root = opendir("/");
  if (root == NULL) return;
  const struct dirent* entry;
  while ((entry = readdir(root)) != NULL) {
    if (entry->d_name[0] != '.') printf("probe root %s\n", entry->d_name);
  }
  closedir(root);
}

static void show_files(void) {
  static const char* const kPaths[] = {"/dev/null", "/dev/stdout", "/dev/pts/ptmx", "/etc/hosts",
                                       "/tmp"};
  for (size_t i = 0; i < sizeof kPaths / sizeof *kPaths; ++i) {
    const int mode = strcmp(kPaths[i], "/etc/hosts") == 0 ? R_OK : W_OK;
    printf("probe file %s %s\n", kPaths[i], access(kPaths[i], mode) == 0 ? "usable" : "unusable");
  }
}

// A low port is what the program's file capability is for.
static void show_network(void) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(80)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int server = socket(AF_INET, SOCK_STREAM, 0);
  const int client = socket(AF_INET, SOCK_STREAM, 0);
  const int done = bind(server, (struct sockaddr*)&address, sizeof address) == 0 &&
                   listen(server, 1) == 0 &&
                   connect(client, (struct sockaddr*)&address, sizeof address) == 0;
  printf("probe loopback %s\n", done ? "up" : "down");
  close(client);
  close(server);
}

static void show_service(const char* path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strncpy(address.sun_path, path, sizeof address.sun_path - 1);
  const int agent = socket(AF_UNIX, SOCK_STREAM, 0);
  static const char kRequest[] = "GET /v1/status HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
  char answer[4096] = "";
  if (connect(agent, (struct sockaddr*)&address, sizeof address) == 0 &&
      write(agent, kRequest, sizeof kRequest - 1) > 0) {
    const ssize_t size = read(agent, answer, sizeof answer - 1);
    if (size > 0) answer[strcspn(answer, "\r")] = '\0';
  }
  printf("probe service %s\n", answer);
  close(agent);
}

// The test gives this module to the image as nsm.ko.
static void show_module(void) {
  printf("probe module %s\n", access("/sys/module/vsock", F_OK) == 0 ? "loaded" : "missing");
}

// A process whose parent ended becomes the child of the first one, which has to collect it.
static void show_orphan(void) {
  int ends[2];
  pid_t orphan = 0;
  if (pipe(ends) != 0) return;
  const pid_t child = fork();
  if (child == 0) {
    orphan = fork();
    if (orphan == 0) _exit(0);
    _exit(write(ends[1], &orphan, sizeof orphan) == sizeof orphan ? 0 : 1);
  }
  waitpid(child, NULL, 0);
  if (read(ends[0], &orphan, sizeof orphan) != sizeof orphan) return;
  char path[64];
  snprintf(path, sizeof path, "/proc/%d", orphan);
  struct stat info;
  int tries = 100;
  while (stat(path, &info) == 0 && --tries > 0) usleep(50 * 1000);
  printf("probe orphan %s\n", tries > 0 ? "collected" : "left");
}

int main(int count, char** words) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  for (int i = 1; i < count; ++i) printf("probe argument %s\n", words[i]);
  show_process();
  show_capabilities();
  show_root();
  show_files();
  show_network();
  show_service("/run/workload/agent.sock");
  show_module();
  show_orphan();
  return 7;
}
