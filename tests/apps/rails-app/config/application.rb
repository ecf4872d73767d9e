require_relative "boot"
require "rails"
require "active_record/railtie"
require "action_controller/railtie"
require "action_view/railtie"
require "sprockets/railtie"

module Notes
  class Application < Rails::Application
    config.load_defaults 6.1
  end
end
