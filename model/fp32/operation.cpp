#include "model/fp32/operation.hpp"

namespace bitloom::fp32 {
namespace operations {

#define BITLOOM_DECLARE(op, in_golden, in_fp32) std::unique_ptr<Operation> in_fp32(const OperationPlace& place);
BITLOOM_OPERATIONS(BITLOOM_DECLARE)
#undef BITLOOM_DECLARE

std::unique_ptr<Operation> none(const OperationPlace& /*place*/) { return nullptr; }

}  // namespace operations

bool Operation::begin(bool /*training*/) { return true; }
void Operation::add_sums(const PartAt& /*at*/) {}
void Operation::finish_sums(std::int64_t /*samples*/) {}
void Operation::add_gradient_sums(const PartAt& /*at*/) {}
void Operation::finish_gradient_sums(std::int64_t /*samples*/) {}
bool Operation::update(std::size_t /*piece*/, const UpdateAt& /*at*/) { return true; }
std::vector<KeptTensor> Operation::tensors() { return {}; }

std::unique_ptr<Operation> make_operation(const OperationPlace& place) {
  switch (place.node.op) {
#define BITLOOM_CASE(op, in_golden, in_fp32) \
  case Op::op:                               \
    return operations::in_fp32(place);
    BITLOOM_OPERATIONS(BITLOOM_CASE)
#undef BITLOOM_CASE
  }
  return nullptr;
}

}  // namespace bitloom::fp32
