class NotesController < ActionController::Base
end
