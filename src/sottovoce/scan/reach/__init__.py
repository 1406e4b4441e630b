"""Where names in data may lead: folders and files of this computer, and addresses."""
