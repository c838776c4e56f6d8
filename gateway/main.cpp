#include "gateway/program.h"

int main(int argc, char** argv) {
  return kefu::run_gateway(argc, argv);
}
