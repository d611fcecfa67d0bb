/* Tests itself, says the result again and again, as a terminal may be opened late, and in between
 * answers a host that sends windows. */
#include "board.h"
#include "host_link.h"
#include "inference.h"
#include "protocol.h"
#include "self_test.h"

#define REPEAT_MS 5000u /* of silence */

static inference_t inference;
static self_test_report_t report;

int main(void) {
    self_test_run(&inference, &report);
    for (;;) {
        protocol_begin();
        protocol_clock(BOARD_CPU_HZ);
        protocol_rule();
#ifdef BIRDNET_SPLIT_HEAD
        if (inference.head_status == BIRDNET_HEAD_OK) {
            protocol_head(&inference.network.head);
        } else {
            protocol_error(inference_refusal(&inference)); /* no inference runs with it */
        }
#endif
        self_test_print_cycles(&report);
        self_test_print_result(&report);
        host_link_serve(&inference, REPEAT_MS);
    }
}
