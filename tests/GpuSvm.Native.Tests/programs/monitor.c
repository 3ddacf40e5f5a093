/* SPDX-License-Identifier: MIT */
/* The monitor of a program without a runtime: watchers that talk nonsense, ask and go without reading, or are many; the program goes on and its socket goes with the memory. */
#include "load.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static struct sockaddr_un address = { .sun_family = AF_UNIX };

static int connect_to(void)
{
    int descriptor = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK(descriptor >= 0 && connect(descriptor, (struct sockaddr*)&address, sizeof address) == 0);
    return descriptor;
}

/* Says something and gives the line that comes back. */
static const char* ask(int descriptor, const char* text)
{
    static char answer[1 << 18];
    size_t length = 0;
    CHECK(write(descriptor, text, strlen(text)) == (ssize_t)strlen(text));
    while (length == 0 || answer[length - 1] != '\n') {
        ssize_t count = read(descriptor, answer + length, sizeof answer - 1 - length);
        CHECK(count > 0);
        length += (size_t)count;
    }
    answer[length] = 0;
    return answer;
}

static const char* const frame = "{\"version\":1,\"request\":\"frame\"}\n";

static void expect_refusal(const char* text, const char* word)
{
    int descriptor = connect_to();
    char end;
    const char* answer = ask(descriptor, text);
    if (strstr(answer, "\"error\"") == NULL || strstr(answer, word) == NULL)
        fprintf(stderr, "%s: %s\n", text, answer);
    CHECK(strstr(answer, "\"error\"") != NULL && strstr(answer, word) != NULL);
    CHECK(read(descriptor, &end, 1) <= 0); /* And it hangs up: a reset if it has not read all. */
    close(descriptor);
}

int main(int count, char** arguments)
{
    (void)count;
    load(arguments[1]);
    char folder[] = "/tmp/gpusvm-monitor-XXXXXX";
    CHECK(mkdtemp(folder) != NULL && setenv("XDG_RUNTIME_DIR", folder, 1) == 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s/gpusvm-%d.sock", folder, (int)getpid());
    struct stat about;
    gpusvm_options options = options_for("portable");
    options.monitor = 2;
    gpusvm_memory memory = open_or_skip(&options), other;
    CHECK(stat(address.sun_path, &about) != 0);
    CHECK(svm.close(memory) == GPUSVM_DONE);

    for (int round = 0; round < 3; round++) { /* Each time a server of its own. */
        FILE* left = fopen(address.sun_path, "w"); /* What a dead process has left behind. */
        CHECK(left != NULL && fclose(left) == 0);
        options.monitor = 1;
        memory = open_or_skip(&options);
        CHECK(stat(address.sun_path, &about) == 0 && S_ISSOCK(about.st_mode) && (about.st_mode & 0777) == 0600);
        other = open_or_skip(&options);

        int watcher = connect_to();
        CHECK(strstr(ask(watcher, frame), "\"id\":") != NULL);
        expect_refusal("hello\n", "no JSON");
        expect_refusal("{\"version\":2,\"request\":\"frame\"}\n", "version 2");
        expect_refusal("{\"version\":\"1\"}\n", "no version");
        expect_refusal("[1]\n", "no version");
        expect_refusal("{\"version\":1,\"request\":\"stop\"}\n", "unknown");
        char nonsense[300];
        memset(nonsense, '{', sizeof nonsense);
        nonsense[sizeof nonsense - 1] = 0;
        expect_refusal(nonsense, "at most 256");
        for (int i = 0; i < 20; i++) { /* Asks and goes: writing to it must not end the program. */
            int gone = connect_to();
            CHECK(write(gone, frame, strlen(frame)) > 0);
            close(gone);
        }
        close(connect_to());
        CHECK(strstr(ask(watcher, frame), "\"gpu_faults\":0") != NULL);

        CHECK(svm.close(other) == GPUSVM_DONE);
        CHECK(strstr(ask(watcher, frame), "\"memories\":[{") != NULL && stat(address.sun_path, &about) == 0);
        CHECK(svm.close(memory) == GPUSVM_DONE);
        char end;
        CHECK(read(watcher, &end, 1) == 0); /* The last memory is gone, and so is the server. */
        close(watcher);
        CHECK(stat(address.sun_path, &about) != 0);
    }

    setenv("XDG_RUNTIME_DIR", "/tmp/gpusvm-no-such-folder", 1); /* Then /tmp it is. */
    options.monitor = 1;
    memory = open_or_skip(&options);
    snprintf(address.sun_path, sizeof address.sun_path, "/tmp/gpusvm-%d.sock", (int)getpid());
    CHECK(stat(address.sun_path, &about) == 0 && svm.close(memory) == GPUSVM_DONE && stat(address.sun_path, &about) != 0);
    CHECK(rmdir(folder) == 0);
    return 0;
}
