// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// libstay's control channel: the queue of requests, what stayd's answers mean, and the client
// against a stayd that this test plays itself, line by line.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "clock.h"
#include "control.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/un.h>
#include <unistd.h>

enum { PATIENCE_MS = 60000 };

static const uint8_t ann[STAY_ID_BYTES] = "ann ann ann ann";
static const uint8_t bob[STAY_ID_BYTES] = "bob bob bob bob";
#define ANN "616e6e20616e6e20616e6e20616e6e00"
#define BOB "626f6220626f6220626f6220626f6200"

// The next line's text behind its id, as if it were sent. NULL: none.
static const char *next_words(struct stay_requests *requests)
{
    struct stay_line *line;
    assert_true(stay_requests_next(requests, &line));
    if (line == NULL)
        return NULL;
    stay_requests_sent(requests);
    assert_int_equal(line->n, strlen(line->text));
    assert_true(line->n <= STAY_CONTROL_LINE_BYTES);
    return strchr(line->text, ' ') + 1;
}

static void only_the_newest_of_a_players_wishes_is_sent(void **state)
{
    (void)state;
    struct stay_requests requests;
    stay_requests_open(&requests);
    assert_true(stay_requests_leave(&requests, ann, "old", 3));
    assert_true(stay_requests_acknowledge(&requests, ann, 5));
    assert_true(stay_requests_acknowledge(&requests, bob, 7));
    assert_true(stay_requests_acknowledge(&requests, ann, 9));
    assert_true(stay_requests_leave(&requests, ann, "\x01\xff", 2));
    assert_int_equal(stay_requests_count(&requests), 2);
    assert_string_equal(next_words(&requests), "state " ANN " 01ff\n");
    assert_string_equal(next_words(&requests), "ack " BOB " 7 " ANN " 9\n");
    assert_null(next_words(&requests));
    assert_int_equal(stay_requests_count(&requests), 2);
    assert_true(stay_requests_leave(&requests, ann, "", 0)); // behind what is under way
    assert_string_equal(next_words(&requests), "state " ANN " -\n");
    stay_requests_free(&requests);
}

static void an_ended_player_has_no_wishes_left(void **state)
{
    (void)state;
    struct stay_requests requests;
    stay_requests_open(&requests);
    assert_true(stay_requests_leave(&requests, ann, "old", 3));
    assert_true(stay_requests_acknowledge(&requests, ann, 5));
    assert_true(stay_requests_end(&requests, ann, "Good-bye."));
    assert_true(stay_requests_end(&requests, bob, NULL));
    assert_string_equal(next_words(&requests), "close " ANN " Good-bye.\n");
    assert_string_equal(next_words(&requests), "close " BOB "\n");
    assert_null(next_words(&requests));
    stay_requests_free(&requests);
}

static void an_acknowledgement_that_goes_back_is_refused(void **state)
{
    (void)state;
    struct stay_requests requests;
    stay_requests_open(&requests);
    assert_true(stay_requests_acknowledge(&requests, ann, 5));
    assert_false(stay_requests_acknowledge(&requests, ann, 4));
    assert_int_equal(errno, EINVAL);
    assert_string_equal(next_words(&requests), "ack " ANN " 5\n");
    stay_requests_free(&requests);
}

static void number(uint8_t id[STAY_ID_BYTES], unsigned i)
{
    uint64_t spread = (i + 1) * UINT64_C(0x9e3779b97f4a7c15);
    memset(id, 0, STAY_ID_BYTES);
    memcpy(id, &spread, sizeof spread);
}

static void many_players_acknowledgements_go_out_in_few_lines(void **state)
{
    (void)state;
    enum { N = 2000 };
    struct stay_requests requests;
    uint8_t id[STAY_ID_BYTES];
    stay_requests_open(&requests);
    for (unsigned turn = 1; turn <= 100; turn++) {
        for (unsigned i = 0; i < N; i++) {
            number(id, i);
            assert_true(stay_requests_acknowledge(&requests, id, turn));
        }
    }
    unsigned n_lines = 0;
    unsigned n_pairs = 0;
    for (const char *words = next_words(&requests); words != NULL; words = next_words(&requests)) {
        n_lines++;
        for (; *words != '\0'; words++)
            n_pairs += strncmp(words, " 100", 4) == 0;
    }
    assert_int_equal(n_pairs, N);
    assert_in_range(n_lines, 4, 8);
    stay_requests_free(&requests);
}

static void states_wait_while_enough_is_under_way(void **state)
{
    (void)state;
    enum { N = 200 };
    static char bytes[STAY_RESUME_BYTES];
    struct stay_requests requests;
    uint8_t id[STAY_ID_BYTES];
    stay_requests_open(&requests);
    for (unsigned i = 0; i < N; i++) {
        number(id, i);
        assert_true(stay_requests_leave(&requests, id, bytes, sizeof bytes));
    }
    unsigned n = 0;
    while (next_words(&requests) != NULL)
        n++;
    assert_in_range(n, 4, 16);
    assert_false(stay_requests_has_next(&requests));
    assert_int_equal(stay_requests_count(&requests), N);
    while (stay_requests_asked(&requests) != NULL) {
        stay_requests_answered(&requests);
        n += next_words(&requests) != NULL;
    }
    assert_int_equal(n, N);
    assert_int_equal(stay_requests_count(&requests), 0);
    stay_requests_free(&requests);
}

static void what_waits_is_bounded(void **state)
{
    (void)state;
    static char bytes[STAY_RESUME_BYTES];
    struct stay_requests requests;
    uint8_t id[STAY_ID_BYTES];
    unsigned n = 0;
    stay_requests_open(&requests);
    for (number(id, n); stay_requests_leave(&requests, id, bytes, sizeof bytes); number(id, n))
        assert_true(++n < STAY_REQUESTS_MAX_BYTES / sizeof bytes);
    assert_int_equal(errno, ENOBUFS);
    assert_true(n > 7000);
    stay_requests_free(&requests);
}

static void requests_go_through_exec_with_their_ids(void **state)
{
    (void)state;
    struct stay_requests before;
    struct stay_requests after;
    struct stay_carry carry = {0};
    struct stay_carry_record record;
    stay_requests_open(&before);
    stay_requests_open(&after);
    assert_true(stay_requests_leave(&before, ann, "s", 1));
    assert_string_equal(next_words(&before), "state " ANN " 73\n");
    assert_true(stay_requests_acknowledge(&before, ann, 5));
    assert_true(stay_requests_plan(&before, "reboot mush")); // the next program does not reboot
    assert_true(stay_requests_save(&before, &carry));
    for (size_t at = 0; stay_carry_next(&carry, &at, &record);) {
        assert_int_equal(record.kind, STAY_CARRY_REQUEST);
        assert_true(stay_requests_restore(&after, &record));
    }
    assert_int_equal(stay_requests_count(&after), 2);
    struct stay_line *line;
    assert_true(stay_requests_next(&after, &line));
    assert_string_equal(line->text, before.first->text);
    next_words(&after);
    assert_string_equal(next_words(&after), "ack " ANN " 5\n");
    stay_carry_free(&carry);
    stay_requests_free(&before);
    stay_requests_free(&after);
}

static bool takes(const char *line, struct stay_answer *answer)
{
    return stay_answer_parse((const uint8_t *)line, strlen(line), answer);
}

static void answers_mean_what_the_protocol_says(void **state)
{
    (void)state;
    struct stay_answer answer;
    unsigned version;
    assert_true(takes("a-1 ok", &answer) && answer.kind == STAY_ANSWER_OK && answer.n_id == 3);
    assert_true(takes("a-1 ok players=3 held=\"\"", &answer) && answer.kind == STAY_ANSWER_OK);
    assert_true(takes("a-1 - conn=12", &answer) && answer.kind == STAY_ANSWER_ITEM);
    assert_true(takes("a-1 error no-such-game there is \xe2\x80\x9cmush\xe2\x80\x9d", &answer));
    assert_int_equal(answer.kind, STAY_ANSWER_ERROR);
    assert_string_equal(answer.word, "no-such-game");
    assert_string_equal(answer.text, "there is \xe2\x80\x9cmush\xe2\x80\x9d");
    assert_true(takes("a-1 error short \x1b[2J", &answer));
    assert_string_equal(answer.text, "");
    assert_false(takes("", &answer) || takes(" ok", &answer) || takes("a-1", &answer) ||
                 takes("a-1 okay", &answer) || takes("a-1 error", &answer));
    const char *away = "error not-allowed go away";
    assert_true(stay_answer_turns_away((const uint8_t *)away, strlen(away), &answer));
    assert_string_equal(answer.word, "not-allowed");
    assert_true(stay_answer_greeting((const uint8_t *)"stayd 1 0.1.0", 13, &version));
    assert_int_equal(version, 1);
    assert_false(stay_answer_greeting((const uint8_t *)"stayd x", 7, &version));
    assert_false(stay_answer_greeting((const uint8_t *)"SSH-2.0-", 8, &version));
}

// The client under test, and the stayd that the test plays.
struct stage {
    char folder[64];
    char path[108];
    char remarks[512];
    int epoll_fd;
    int listener;
    int server;
    struct stay_control control;
};

static void start_listening(struct stage *stage)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", stage->path);
    stage->listener = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(stage->listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(stage->listener, 8), 0);
}

static int set_stage(void **state)
{
    struct stage *stage = calloc(1, sizeof *stage);
    *state = stage;
    snprintf(stage->folder, sizeof stage->folder, "/tmp/libstay-control-XXXXXX");
    assert_non_null(mkdtemp(stage->folder));
    snprintf(stage->path, sizeof stage->path, "%s/control.sock", stage->folder);
    stage->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    stage->server = -1;
    start_listening(stage);
    struct stay_control_settings settings = {.epoll_fd = stage->epoll_fd,
                                             .path = stage->path,
                                             .attach = "attach mush resume ack",
                                             .remarks = stage->remarks,
                                             .remarks_size = sizeof stage->remarks};
    assert_true(stay_control_open(&stage->control, &settings));
    return 0;
}

static int clear_stage(void **state)
{
    struct stage *stage = *state;
    stay_control_close(&stage->control);
    close(stage->server);
    close(stage->listener);
    close(stage->epoll_fd);
    unlink(stage->path);
    int result = rmdir(stage->folder);
    free(stage);
    return result;
}

static bool is_ready(int fd, int timeout_ms)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    return poll(&wait, 1, timeout_ms) == 1;
}

// Let the client work whenever it has something to do, until the test's own side of it has.
static void work_until_ready(struct stage *stage, int fd)
{
    uint64_t end = stay_now_ms() + PATIENCE_MS;
    while (!is_ready(fd, 0)) {
        assert_true(stay_now_ms() < end);
        struct pollfd wait[] = {{.fd = fd, .events = POLLIN},
                                {.fd = stage->epoll_fd, .events = POLLIN}};
        uint64_t due = stay_control_due_ms(&stage->control);
        uint64_t now = stay_now_ms();
        if (due == 0 || due > now)
            poll(wait, 2, due == 0 ? PATIENCE_MS : (int)(due - now));
        stay_control_work(&stage->control);
    }
}

// Let the client do what the test has given it to do.
static void work(struct stage *stage)
{
    assert_true(is_ready(stage->epoll_fd, PATIENCE_MS));
    stay_control_work(&stage->control);
}

static void say(struct stage *stage, const char *id, const char *words)
{
    char line[256];
    int n = snprintf(line, sizeof line, "%s%s%s\n", id, id[0] != '\0' ? " " : "", words);
    assert_int_equal(send(stage->server, line, (size_t)n, MSG_NOSIGNAL), n);
    work(stage);
}

// The client's next line: its id, which is copied, and its words.
static const char *hear(struct stage *stage, char id[64])
{
    static char line[STAY_CONTROL_LINE_BYTES + 1];
    size_t n = 0;
    work_until_ready(stage, stage->server);
    while (n == 0 || line[n - 1] != '\n') {
        assert_true(n < sizeof line - 1 && is_ready(stage->server, PATIENCE_MS));
        assert_int_equal(recv(stage->server, line + n, 1, 0), 1);
        n++;
    }
    line[n - 1] = '\0';
    char *space = strchr(line, ' ');
    *space = '\0';
    snprintf(id, 64, "%.63s", line);
    return space + 1;
}

static void greet(struct stage *stage, char id[64])
{
    work_until_ready(stage, stage->listener);
    stage->server = accept(stage->listener, NULL, NULL);
    say(stage, "", "stayd 1 test");
    assert_string_equal(hear(stage, id), "attach mush resume ack");
}

static void attach(struct stage *stage)
{
    char id[64];
    greet(stage, id);
    say(stage, id, "ok players=0 held=0");
    assert_int_equal(stage->control.phase, STAY_CONTROL_READY);
}

static void lose(struct stage *stage)
{
    close(stage->server);
    work(stage);
    assert_int_equal(stage->control.phase, STAY_CONTROL_AWAY);
}

static struct stay_requests *queue(struct stage *stage)
{
    return &stage->control.requests;
}

static void leave(struct stage *stage, const char *words)
{
    assert_true(stay_requests_leave(queue(stage), ann, words, strlen(words)));
    stay_control_wake(&stage->control);
}

static void what_was_not_answered_is_repeated_with_its_id(void **state)
{
    struct stage *stage = *state;
    char first[64], second[64], id[64];
    leave(stage, "1");
    attach(stage);
    assert_string_equal(hear(stage, first), "state " ANN " 31");
    leave(stage, "2");
    assert_string_equal(hear(stage, second), "state " ANN " 32");
    say(stage, first, "ok");
    assert_int_equal(stay_requests_count(queue(stage)), 1);
    lose(stage);
    leave(stage, "3");
    attach(stage);
    assert_string_equal(hear(stage, id), "state " ANN " 32");
    assert_string_equal(id, second);
    assert_string_equal(hear(stage, id), "state " ANN " 33");
    say(stage, second, "ok gone=1");
    say(stage, id, "ok gone=1");
    assert_int_equal(stay_requests_count(queue(stage)), 0);
    assert_false(is_ready(stage->epoll_fd, 0)); // at rest
}

static void nothing_is_sent_before_the_game_is_attached(void **state)
{
    struct stage *stage = *state;
    char id[64];
    leave(stage, "1");
    greet(stage, id);
    assert_false(is_ready(stage->epoll_fd, 0));
    assert_false(is_ready(stage->server, 0));
    say(stage, id, "ok");
    assert_string_equal(hear(stage, id), "state " ANN " 31");
}

static void who_is_refused_says_so_once_and_does_not_spin(void **state)
{
    struct stage *stage = *state;
    char id[64];
    leave(stage, "1");
    greet(stage, id);
    say(stage, id, "error no-such-game there is no game mush");
    assert_int_equal(stage->control.n_refused, 1);
    assert_int_equal(stage->control.phase, STAY_CONTROL_HOPELESS);
    assert_string_equal(stage->remarks,
                        "stayd refuses this game: no-such-game there is no game mush\n");
    assert_true(stay_control_due_ms(&stage->control) > stay_now_ms() + 20000);
    assert_int_equal(stay_requests_count(queue(stage)), 1);
    stay_control_hurry(&stage->control);
    work_until_ready(stage, stage->listener);
    stage->server = (close(stage->server), accept(stage->listener, NULL, NULL));
    say(stage, "", "error not-allowed user 7 may not speak for a game");
    assert_int_equal(stage->control.n_refused, 2);
    assert_non_null(strstr(stage->remarks, "not-allowed"));
    assert_true(stay_control_due_ms(&stage->control) > stay_now_ms() + 20000);
}

static void a_wrong_acknowledgement_is_counted_and_done_with(void **state)
{
    struct stage *stage = *state;
    char id[64];
    attach(stage);
    assert_true(stay_requests_acknowledge(queue(stage), ann, 10));
    assert_true(stay_requests_acknowledge(queue(stage), bob, 99));
    stay_control_wake(&stage->control);
    assert_string_equal(hear(stage, id), "ack " ANN " 10 " BOB " 99");
    say(stage, id, "error bad-offset " BOB ": only 20 were sent");
    assert_int_equal(stage->control.n_refused, 1);
    assert_string_equal(stage->remarks,
                        "stayd refuses ack: bad-offset " BOB ": only 20 were sent\n");
    assert_int_equal(stay_requests_count(queue(stage)), 0);
}

static void a_repeated_acknowledgement_may_be_behind(void **state)
{
    struct stage *stage = *state;
    char id[64];
    attach(stage);
    for (uint64_t n = 1; n <= 2; n++) {
        assert_true(stay_requests_acknowledge(queue(stage), ann, n));
        stay_control_wake(&stage->control);
        hear(stage, id);
    }
    lose(stage);
    attach(stage);
    assert_string_equal(hear(stage, id), "ack " ANN " 1");
    say(stage, id, "error bad-offset goes back");
    assert_int_equal(stage->control.n_refused, 0);
}

static void an_announcement_is_said_again_after_every_attach(void **state)
{
    struct stage *stage = *state;
    char id[64];
    attach(stage);
    assert_true(stay_control_plan(&stage->control, "shutdown mush hold"));
    stay_control_wake(&stage->control);
    assert_string_equal(hear(stage, id), "shutdown mush hold");
    say(stage, id, "ok");
    lose(stage);
    attach(stage);
    assert_string_equal(hear(stage, id), "shutdown mush hold");
    lose(stage); // before the answer: once is enough
    attach(stage);
    assert_string_equal(hear(stage, id), "shutdown mush hold");
    say(stage, id, "ok");
    assert_int_equal(stay_requests_count(queue(stage)), 0);
}

static void who_speaks_out_of_turn_is_left(void **state)
{
    struct stage *stage = *state;
    char id[64];
    attach(stage);
    leave(stage, "1");
    hear(stage, id);
    say(stage, "other-1", "ok");
    assert_int_equal(stage->control.phase, STAY_CONTROL_AWAY);
    attach(stage);
    hear(stage, id);
    say(stage, id, "error short"); // asked again, later
    assert_int_equal(stage->control.phase, STAY_CONTROL_AWAY);
    work_until_ready(stage, stage->listener);
    stage->server = accept(stage->listener, NULL, NULL);
    say(stage, "", "error short too many connections");
    assert_int_equal(stage->control.n_refused, 0);
    attach(stage);
    hear(stage, id);
    char longer[STAY_CONTROL_LINE_BYTES + 1];
    memset(longer, 'a', sizeof longer);
    assert_int_equal(send(stage->server, longer, sizeof longer, MSG_NOSIGNAL), sizeof longer);
    while (stage->control.phase != STAY_CONTROL_AWAY)
        work(stage);
    assert_int_equal(stay_requests_count(queue(stage)), 1);
}

static void without_a_stayd_the_waits_grow(void **state)
{
    struct stage *stage = *state;
    close(stage->listener);
    uint64_t wait_ms = 0;
    for (int i = 0; i < 8; i++) {
        stage->control.due_ms = 1;
        stay_control_work(&stage->control);
        assert_int_equal(stage->control.phase, STAY_CONTROL_HOPELESS);
        uint64_t due = stay_control_due_ms(&stage->control);
        wait_ms = due - stay_now_ms();
        assert_in_range(wait_ms, 0, STAY_CONTROL_LAST_WAIT_MS);
    }
    assert_true(wait_ms > STAY_CONTROL_LAST_WAIT_MS / 2);
    unlink(stage->path);
    start_listening(stage);
    attach(stage);
}

// More than the socket holds, and a stayd that reads slowly.
static void much_is_sent_as_fast_as_it_is_read(void **state)
{
    struct stage *stage = *state;
    static char bytes[STAY_RESUME_BYTES];
    char id[64];
    uint8_t player[STAY_ID_BYTES];
    enum { N = 100 };
    attach(stage);
    for (unsigned i = 0; i < N; i++) {
        number(player, i);
        assert_true(stay_requests_leave(queue(stage), player, bytes, sizeof bytes));
        assert_true(stay_requests_acknowledge(queue(stage), player, i));
    }
    stay_control_wake(&stage->control);
    unsigned n_states = 0;
    while (stay_requests_count(queue(stage)) > 0) {
        const char *words = hear(stage, id);
        n_states += strncmp(words, "state ", 6) == 0;
        say(stage, id, "ok");
    }
    assert_int_equal(n_states, N);
    assert_false(is_ready(stage->epoll_fd, 0));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_stage, clear_stage)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_newest_of_a_players_wishes_is_sent),
        cmocka_unit_test(an_ended_player_has_no_wishes_left),
        cmocka_unit_test(an_acknowledgement_that_goes_back_is_refused),
        cmocka_unit_test(many_players_acknowledgements_go_out_in_few_lines),
        cmocka_unit_test(states_wait_while_enough_is_under_way),
        cmocka_unit_test(what_waits_is_bounded),
        cmocka_unit_test(requests_go_through_exec_with_their_ids),
        cmocka_unit_test(answers_mean_what_the_protocol_says),
        TEST(what_was_not_answered_is_repeated_with_its_id),
        TEST(nothing_is_sent_before_the_game_is_attached),
        TEST(who_is_refused_says_so_once_and_does_not_spin),
        TEST(a_wrong_acknowledgement_is_counted_and_done_with),
        TEST(a_repeated_acknowledgement_may_be_behind),
        TEST(an_announcement_is_said_again_after_every_attach),
        TEST(who_speaks_out_of_turn_is_left),
        TEST(without_a_stayd_the_waits_grow),
        TEST(much_is_sent_as_fast_as_it_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
