/* Starts the NPU, tests itself, says the result again and again, as a terminal may be opened late,
 * and in between answers a host that sends windows: unless the test failed. */
#include "board.h"
#include "console.h"
#include "host_link.h"
#include "inference.h"
#include "platform.h"
#include "protocol.h"
#include "self_test.h"
#include "stopwatch.h"
#include "trace.h"
#include "watchdog.h"
#include "weights.h"

#include <stdbool.h>
#include <stddef.h>

#define REPEAT_MS 5000u /* of silence */

static inference_t inference;
static self_test_report_t report;

/* How the last run ended, where that is worth saying. */
static bool by_watchdog;
static bool in_inference;
static uint32_t last_block;

/* After a reset by hand, an inference is tried again: what it left is forgotten now. */
static void read_last_run(void) {
    in_inference = trace_init(&last_block);
    by_watchdog = watchdog_ended_last_run();
}

static const char *start(void) {
    const char *failure = platform_start();
    if (failure == NULL && !in_inference) {
        failure = weights_check();
        if (failure == NULL) {
            failure = watchdog_start();
        }
    }
    return failure;
}

static void print_last_run(void) {
    console_text("the last run never left block ");
    console_unsigned(last_block);
    console_text(" of the network");
    console_text(by_watchdog ? ", the watchdog ended it" : "");
    console_text("; reset the board to try again");
}

static _Noreturn void report_failure(const char *failure) {
    for (;;) {
        protocol_begin();
        console_text("self-test FAIL start: ");
        if (failure != NULL) {
            console_text(failure);
        } else {
            print_last_run();
        }
        console_text("\n");
        board_diagnose();
        (void)console_read(REPEAT_MS);
    }
}

static void print_remarks(void) {
    if (by_watchdog) {
        console_text("remark: the watchdog ended the last run, outside of the network\n");
    }
    if (stopwatch_source() == STOPWATCH_SYSTEM_TIMER) {
        console_text("remark: the cycle counter stands still, so cycles are 0\n");
    }
}

int main(void) {
    read_last_run();
    const char *const failure = start();
    if (failure != NULL || in_inference) {
        report_failure(failure);
    }
    self_test_run(&inference, &report);
    for (;;) {
        protocol_begin();
        protocol_clock(BOARD_CPU_HZ);
        protocol_rule();
        print_remarks();
        self_test_print_cycles(&report);
        self_test_print_result(&report);
        if (report.outcome == SELF_TEST_PASS) {
            host_link_serve(&inference, REPEAT_MS);
        } else {
            board_diagnose();
            (void)console_read(REPEAT_MS);
        }
    }
}
