// SPDX-License-Identifier: Apache-2.0
#include "broker/program.h"

int main(int argc, char** argv) { return cofferdam::broker::run_program(argc, argv); }
