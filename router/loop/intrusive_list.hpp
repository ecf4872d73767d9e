// SPDX-License-Identifier: Apache-2.0
//
// A doubly linked list through hooks inside its elements: linking allocates nothing, and an element
// leaves its list when it is destroyed. An element that is in several lists
// has a hook for each (Tag).
#pragma once

namespace berth::router {

template <class Tag>
class Hook {
 public:
  Hook() = default;
  Hook(const Hook&) = delete;
  Hook& operator=(const Hook&) = delete;
  [[nodiscard]] bool is_linked() const { return next_ != nullptr; }
  void unlink() {
    if (!next_) return;
    previous_->next_ = next_;
    next_->previous_ = previous_;
    next_ = previous_ = nullptr;
  }

 protected:
  ~Hook() { unlink(); }

 private:
  template <class T, class U>
  friend class List;
  Hook* next_ = nullptr;
  Hook* previous_ = nullptr;
};

template <class T, class Tag>
class List final {
 public:
  List() { head_.next_ = head_.previous_ = &head_; }
  ~List() {
    while (!empty()) head_.next_->unlink();
    head_.next_ = nullptr;
  }
  [[nodiscard]] bool empty() const { return head_.next_ == &head_; }
  [[nodiscard]] T* front() { return empty() ? nullptr : static_cast<T*>(head_.next_); }
  void push_front(T& item) {
    Hook<Tag>& hook = item;
    hook.previous_ = &head_;
    hook.next_ = head_.next_;
    head_.next_->previous_ = &hook;
    head_.next_ = &hook;
  }
  /// Calls `visit` for each; it may unlink or destroy the visited one, and no other.
  template <class Visit>
  void for_each(Visit&& visit) {
    for (Hook<Tag>* at = head_.next_; at != &head_;) {
      Hook<Tag>* const next = at->next_;
      visit(static_cast<T&>(*at));
      at = next;
    }
  }

 private:
  struct Head : Hook<Tag> {};
  Head head_;
};

}  // namespace berth::router
